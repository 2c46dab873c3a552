"""The two rotations, and what is left after a part of one, on real processes."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.hsm_emulator.tke.rig import Rig

PASSWORD = "correct horse"
YES = ("Answer [y/N]:", "y")
ADMIN1 = ("admin1 (", PASSWORD)
PASSWORDS = (ADMIN1, ("admin2 (", PASSWORD))
MESSAGE_1 = "Delaying 30 seconds to allow server to discover new master key values"
MESSAGE_2 = "KMS CRK rewrap successful, waiting on cryptounit-mk-setimm"


def _is_rotated(rig: "Rig", before: str) -> None:
    """One other key in every current register, no new one, and every row under it."""
    (after,) = set(rig.registers())
    assert after[0] != before
    assert after[1] == "Empty"
    assert [pattern[:8] for pattern in rig.rows()] == [after[0]]


def test_auto_mk_rotate_promotes_one_new_key_everywhere(rig: "Rig") -> None:
    """A rotation prints both messages and ends with one other master key in units and key storage."""
    before = rig.registers()[0][0]
    ended = rig.done("auto-mk-rotate", YES, *PASSWORDS)
    assert ended.lines.index(MESSAGE_1) < ended.lines.index(MESSAGE_2)
    assert ended.lines[-2:] == ["OK", "Master key rotation successful."]
    _is_rotated(rig, before)


def test_auto_mk_rotate_selects_all_and_clears_leftovers(rig: "Rig") -> None:
    """New registers that an earlier attempt left in some units are cleared, and all units are selected."""
    before = rig.registers()[0][0]
    rig.select(1, 4)
    rig.load()
    ended = rig.done("auto-mk-rotate", YES, *PASSWORDS)
    cleared = [line for line in ended.lines if line.startswith("Clearing")]
    assert [line.split("unit ")[1] for line in cleared] == ["1....", "4...."]
    assert " false " not in rig.done("cryptounits").text
    _is_rotated(rig, before)


def test_key_part_rotation(rig: "Rig") -> None:
    """Load, commit and rotate end like the automatic rotation, with one password and without message 1."""
    before = rig.registers()[0][0]
    rig.load()
    rig.commit()
    ended = rig.done("cryptounit-mk-rotate", YES, ADMIN1)
    assert MESSAGE_2 in ended.lines
    assert MESSAGE_1 not in ended.text
    _is_rotated(rig, before)


def test_partial_promotion_is_finished_by_deselecting_and_set_immediate(rig: "Rig") -> None:
    """With two units promoted, rotate and set immediate refuse; without those two, set immediate finishes."""
    before = rig.registers()[0][0]
    rig.load()
    rig.commit()
    rig.kill("u3")
    killed = rig.tke("cryptounit-mk-rotate", YES)
    assert killed.code == 1
    rig.start("u3")
    rig.wait_for("u3")
    rig.kms("POST", "/api/v2/rotation/rewrap")
    assert rig.kms("GET", "/api/v2/rotation/rewrap?wait=10")["job"]["state"] == "done"
    rig.select(1, 4)
    rig.done("cryptounit-mk-setimm", YES, ADMIN1)
    rig.select_all()
    state = rig.digest()
    assert rig.tke("cryptounit-mk-rotate", YES).code == 1
    refused = rig.tke("cryptounit-mk-setimm")
    assert "Crypto units 1, 4 are without one." in refused.text
    assert rig.digest() == state
    rig.done("cryptounit-rm", ("to remove", "1 4"))
    ended = rig.done("cryptounit-mk-setimm", YES, ADMIN1)
    assert "Set immediate completed successfully in the selected crypto units." in ended.lines
    _is_rotated(rig, before)


def test_failed_rewrap_promotes_nothing(rig: "Rig") -> None:
    """A failed rewrap ends the command before message 2 and before any promotion; a rerun completes it."""
    before = rig.registers()[0][0]
    rig.load()
    rig.commit()
    pin = rig.root / "units" / "1" / "pin"
    right = pin.read_text()
    pin.write_text(right[::-1] + "0")
    ended = rig.tke("cryptounit-mk-rotate", YES, ADMIN1)
    assert ended.code == 1
    assert "FAILED" in ended.lines
    assert MESSAGE_2 not in ended.text
    assert {(unit[0], unit[1]) for unit in rig.registers()} == {(before, "Full Committed")}
    pin.write_text(right)
    rig.done("cryptounit-mk-rotate", YES, ADMIN1)
    _is_rotated(rig, before)


def test_rotation_without_key_management_service(rig: "Rig") -> None:
    """With the service gone when the rewrap is asked for, message 1 stands there and message 2 does not."""

    def kill_and_answer() -> str:
        rig.kill("kms")
        return PASSWORD

    ended = rig.tke("auto-mk-rotate", YES, ADMIN1, ("admin2 (", kill_and_answer))
    assert ended.code == 1
    assert ended.lines[ended.lines.index(MESSAGE_1) + 1 :][:2] == [
        "FAILED",
        "Error sending rewrap request to the key management service.",
    ]
    assert {unit[1] for unit in rig.registers()} == {"Full Committed"}


def test_lost_unit_stops_the_sequence(rig: "Rig") -> None:
    """A unit that dies while passwords are typed stops the rotation where it is next needed."""

    def kill_and_answer() -> str:
        rig.kill("u2")
        return PASSWORD

    ended = rig.tke("auto-mk-rotate", YES, ADMIN1, ("admin2 (", kill_and_answer))
    assert ended.code == 1
    assert "Crypto unit 2 gave no answer" in ended.text
    assert "may or may not have taken effect" in ended.lines[-1]
    rig.start("u2")
    rig.wait_for("u2")
    assert [unit[1] for unit in rig.registers()] == [
        "Full Uncommitted",
        "Empty",
        "Empty",
        "Full Uncommitted",
        "Full Uncommitted",
    ]


def test_set_immediate_refuses_different_new_keys(rig: "Rig") -> None:
    """Set immediate on units with different new master keys is refused before any change."""
    rig.select(1)
    rig.load()
    rig.select(2)
    rig.load()
    rig.select(1, 2)
    rig.commit()
    before = rig.digest()
    ended = rig.tke("cryptounit-mk-setimm")
    assert ended.code == 1
    assert "do not hold the same value" in ended.text
    assert rig.digest() == before


def test_rotation_status_tells_what_the_registers_do_not(rig: "Rig") -> None:
    """Before and after a rewrap the registers are the same; which master key the rows stand under is not."""
    rig.load()
    rig.commit()
    registers = rig.registers()
    shown = []
    for _ in range(2):
        ended = rig.done("rotation-status")
        (row,) = [line.split() for line in ended.lines if line[:1].isalnum() and line.split()[-1].isdecimal()]
        shown.append(row)
        assert [row[0]] == [pattern[:32] for pattern in rig.rows()]
        rig.kms("POST", "/api/v2/rotation/rewrap?wait=10")
    assert rig.registers() == registers
    assert shown[0][0] != shown[1][0]
    assert shown[0][1] == shown[1][1]
