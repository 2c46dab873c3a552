"""Number of signatures and choice of signature keys."""

from dataclasses import replace

import pytest

from hsm_emulator.instance import UnitType
from hsm_emulator.registers import RegisterState
from hsm_emulator.tke.errors import Failed
from hsm_emulator.tke.sealed import Sealed
from hsm_emulator.tke.sigkey import SignatureKey
from hsm_emulator.tke.signing import choose, signatures_needed
from hsm_emulator.tke.unitstate import InstalledAdministrator, RegisterStatus, UnitStatus
from hsm_emulator.unit.command import Command

EMPTY = RegisterStatus(RegisterState.EMPTY, "0" * 64)
A, B, C = (SignatureKey(n, name, name * 64, "", Sealed("", 0, "", "")) for n, name in enumerate("abc", 1))
UNIT = UnitStatus(
    number=1,
    type=UnitType.OPERATIONAL,
    module="00" * 8,
    domain=1,
    imprint=False,
    signature_threshold=2,
    revocation_threshold=3,
    counter=0,
    administrators=tuple(InstalledAdministrator(key.name, key.ski) for key in (A, B, C)),
    current=EMPTY,
    new=EMPTY,
)
FRESH = replace(UNIT, imprint=True, signature_threshold=0, revocation_threshold=0)


@pytest.mark.parametrize(
    ("command", "unit", "needed"),
    [
        (Command.COMMIT, UNIT, 2),
        (Command.EXPORT, UNIT, 2),
        (Command.SETIMM, UNIT, 1),
        (Command.CLRCUR, UNIT, 1),
        (Command.ADMIN_RM, UNIT, 3),
        (Command.THRESHOLD_SET, UNIT, 2),
        (Command.THRESHOLD_SET, FRESH, 4),
        (Command.ADMIN_ADD, FRESH, 0),
        (Command.COMMIT, FRESH, 0),
    ],
)
def test_signatures_needed(command: Command, unit: UnitStatus, needed: int) -> None:
    """A command is signed as its table says; in imprint mode only new thresholds are."""
    assert signatures_needed(command, unit, {"signature": 4}) == needed


def test_first_keys_installed_everywhere_sign() -> None:
    """The first current keys installed in all units are taken, as many as the hardest command needs."""
    other = replace(UNIT, number=2, administrators=UNIT.administrators[1:])
    assert choose([A, C, B], [UNIT, other], [Command.SETIMM, Command.COMMIT]) == [C, B]
    assert choose([A, C, B], [UNIT, other], [Command.SETIMM]) == [C]


def test_units_in_imprint_mode_ask_for_no_key() -> None:
    """A unit in imprint mode among the others does not restrict the choice."""
    bare = replace(FRESH, number=2, administrators=())
    assert choose([A], [UNIT, bare], [Command.ZEROIZE]) == [A]
    assert choose([], [bare], [Command.ZEROIZE]) == []


def test_too_few_keys() -> None:
    """Where too few keys are installed everywhere, the error says how many are needed and there."""
    with pytest.raises(Failed, match=r"2 current signature keys are needed .* there are 1"):
        choose([A], [UNIT], [Command.COMMIT])
