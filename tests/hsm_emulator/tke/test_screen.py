"""Layout of the tables, character by character where a program reads them."""

from dataclasses import replace

from hsm_emulator.instance import Instance, UnitEntry, UnitType
from hsm_emulator.registers import RegisterState
from hsm_emulator.tke import screen
from hsm_emulator.tke.sealed import Sealed
from hsm_emulator.tke.sigkey import SignatureKey
from hsm_emulator.tke.unitstate import InstalledAdministrator, RegisterStatus, UnitStatus

PATTERN = "875ee76406167498a2c6474f19a611c95e5bf22ae9b63da133cd8170f620aef4"
EMPTY = RegisterStatus(RegisterState.EMPTY, "0" * 64)
SKI = "2ce6f22b1d965eb480b1646bdd1886" + "0" * 34
UNIT = UnitStatus(
    number=1,
    type=UnitType.OPERATIONAL,
    module="00" * 8,
    domain=6,
    imprint=False,
    signature_threshold=2,
    revocation_threshold=2,
    counter=7,
    administrators=(InstalledAdministrator("admin1", SKI), InstalledAdministrator("second", SKI)),
    current=RegisterStatus(RegisterState.VALID, PATTERN),
    new=EMPTY,
)
BACKUP = replace(UNIT, number=2, type=UnitType.RECOVERY, module="11" * 8)
ENTRIES = (
    UnitEntry(1, UnitType.OPERATIONAL, "[us-south].[AZ2-CS5].[02].[06]", "00" * 8, 6, "/s/1"),
    UnitEntry(2, UnitType.RECOVERY, "[us-east].[AZ1-CS1].[01].[07]", "11" * 8, 6, "/s/2"),
)
INSTANCE = Instance("4dd3b774", "us-south", "default", "Bank (42)", "me", "/s/kms", ENTRIES)


def test_crypto_units() -> None:
    """The list of units has padded columns, a free last one and three blanks at the end of each line."""
    lines = screen.crypto_units(INSTANCE, frozenset({("11" * 8, 6)}))
    assert lines[6:10] == [
        "SERVICE INSTANCE: 4dd3b774",
        "CRYPTO UNIT NUM   SELECTED   TYPE          LOCATION   ",
        "1                 false      OPERATIONAL   [us-south].[AZ2-CS5].[02].[06]   ",
        "2                 true       RECOVERY      [us-east].[AZ1-CS1].[01].[07]   ",
    ]


def test_registers() -> None:
    """A pattern takes two lines of 32 digits; the status column is as wide as the longest status shown."""
    full = replace(BACKUP, new=RegisterStatus(RegisterState.FULL_UNCOMMITTED, PATTERN))
    assert screen.new_registers(INSTANCE, [UNIT, full]) == [
        "NEW MASTER KEY REGISTER",
        "SERVICE INSTANCE: 4dd3b774",
        "CRYPTO UNIT NUM   STATUS             VERIFICATION PATTERN   ",
        "1                 Empty              00000000000000000000000000000000   ",
        "                                     00000000000000000000000000000000   ",
        "2*                Full Uncommitted   875ee76406167498a2c6474f19a611c9   ",
        "                                     5e5bf22ae9b63da133cd8170f620aef4   ",
        "",
        "* Indicates a recovery crypto unit used only to hold a backup master key value.",
    ]


def test_administrators() -> None:
    """A unit's number stands beside its first administrator only; without any, the screen says so."""
    bare = replace(UNIT, number=3, administrators=())
    assert screen.administrators(INSTANCE, [UNIT, bare])[2:] == [
        "CRYPTO UNIT NUM   ADMIN NAME          SUBJECT KEY IDENTIFIER   ",
        "1                 admin1              2ce6f22b1d965eb480b1646bdd1886...   ",
        "                  second              2ce6f22b1d965eb480b1646bdd1886...   ",
        "3                 No administrators      ",
    ]
    assert screen.administrators(INSTANCE, [bare])[-1] == (
        "No crypto unit administrators for service instance 4dd3b774"
    )


def test_comparison_finds_each_difference() -> None:
    """The verdict is 'the same' only where thresholds, administrators and both registers agree."""
    same = "==> All crypto units are configured the same. <=="
    assert screen.comparison(INSTANCE, [UNIT, BACKUP])[-1] == same
    for other in (
        replace(BACKUP, signature_threshold=1),
        replace(BACKUP, revocation_threshold=1),
        replace(BACKUP, administrators=()),
        replace(BACKUP, current=EMPTY),
        replace(BACKUP, new=RegisterStatus(RegisterState.FULL_COMMITTED, PATTERN)),
    ):
        assert screen.comparison(INSTANCE, [UNIT, other])[-1] == (
            "==> WARNING: Crypto units are configured differently. <=="
        )


def test_comparison_ignores_the_last_four_bytes_of_a_pattern() -> None:
    """Modules that blank the end of a verification pattern agree with those that do not."""
    blanked = replace(BACKUP, current=RegisterStatus(RegisterState.VALID, PATTERN[:56] + "0" * 8))
    assert "the same" in screen.comparison(INSTANCE, [UNIT, blanked])[-1]


def test_signature_keys() -> None:
    """Signature keys are listed with the current ones named, in one sentence for each number of them."""
    key = SignatureKey(1, "admin1", SKI, "", Sealed("", 0, "", ""))
    assert screen.signature_keys([key], [1]) == [
        "KEYNUM   DESCRIPTION   SUBJECT KEY IDENTIFIER   ",
        "1        admin1        2ce6f22b1d965eb480b1646bdd1886...   ",
        "",
        "KEYNUM 1 is selected as the current signature key.",
    ]
    assert screen.signature_keys([key], [])[-1] == "No KEYNUM are selected as current signature keys."
    assert screen.signature_keys([], [])[0] == "No files containing a signature key were found."
