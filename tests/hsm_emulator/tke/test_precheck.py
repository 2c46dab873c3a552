"""Conditions one by one on made-up units, and the order in which they are told."""

from dataclasses import replace

import pytest

from hsm_emulator.instance import UnitType
from hsm_emulator.registers import RegisterState
from hsm_emulator.tke import precheck
from hsm_emulator.tke.errors import Failed
from hsm_emulator.tke.precheck import Condition, PrecheckFacts
from hsm_emulator.tke.unitstate import RegisterStatus, UnitStatus

A, B, EMPTY = "a" * 64, "b" * 64, RegisterStatus(RegisterState.EMPTY, "0" * 64)
UNIT = UnitStatus(
    number=1,
    type=UnitType.OPERATIONAL,
    module="00" * 8,
    domain=1,
    imprint=False,
    signature_threshold=1,
    revocation_threshold=1,
    counter=0,
    administrators=(),
    current=RegisterStatus(RegisterState.VALID, A),
    new=RegisterStatus(RegisterState.FULL_COMMITTED, B),
)
BACKUP = replace(UNIT, number=2, type=UnitType.RECOVERY)
ALL_CONDITIONS = tuple(dict.fromkeys((*precheck.ROTATE, *precheck.AUTO_ROTATE)))


def _facts(*units: UnitStatus, instance_size: int = 2) -> PrecheckFacts:
    return PrecheckFacts(units, instance_size, (), ())


@pytest.mark.parametrize("condition", ALL_CONDITIONS, ids=lambda condition: condition.__name__)
def test_sound_units_pass(condition: Condition) -> None:
    """Two units with one current and one other committed new master key violate nothing."""
    assert condition(_facts(UNIT, BACKUP)) is None


@pytest.mark.parametrize(
    ("condition", "change", "says"),
    [
        (precheck.recovery_unit_exists, {"type": UnitType.FAILOVER}, "does not contain any recovery"),
        (precheck.none_in_imprint_mode, {"imprint": True}, "Crypto unit 2 is in imprint mode"),
        (precheck.all_in_imprint_mode, {"imprint": True}, "Crypto unit 1 is not in imprint mode"),
        (precheck.thresholds_equal, {"signature_threshold": 2}, "thresholds of the crypto units differ"),
        (precheck.current_valid_and_equal, {"current": EMPTY}, "not all Valid: Crypto unit 2 is"),
        (
            precheck.current_valid_and_equal,
            {"current": RegisterStatus(RegisterState.VALID, B)},
            "not set to the same value",
        ),
        (precheck.new_committed_and_equal, {"new": EMPTY}, "not all Full Committed: Crypto unit 2 is"),
        (
            precheck.new_committed_and_equal,
            {"new": RegisterStatus(RegisterState.FULL_UNCOMMITTED, B)},
            "not all Full Committed: Crypto unit 2 is",
        ),
        (
            precheck.new_committed_and_equal,
            {"new": RegisterStatus(RegisterState.FULL_COMMITTED, A)},
            "(1: bbbbbbbb..., 2: aaaaaaaa...)",
        ),
        (
            precheck.new_differs_from_current,
            {"new": RegisterStatus(RegisterState.FULL_COMMITTED, A)},
            "Crypto unit 2 is holding the same value",
        ),
    ],
)
def test_violation_is_found(condition: Condition, change: dict[str, object], says: str) -> None:
    """One changed property of one unit is found by its condition, which names the unit where it can."""
    changed = UnitStatus(**{**BACKUP.__dict__, **change})
    problem = condition(_facts(UNIT, changed))
    assert problem is not None
    assert says in problem


def test_revocation_thresholds_may_differ() -> None:
    """The documents ask for one signature threshold, and of revocation thresholds they say nothing."""
    assert precheck.thresholds_equal(_facts(UNIT, replace(BACKUP, revocation_threshold=2))) is None


def test_every_unit_has_to_be_selected() -> None:
    """A selection that leaves out a unit of the instance is told with both numbers."""
    problem = precheck.all_selected(_facts(UNIT, instance_size=3))
    assert problem is not None
    assert "1 of 3 are" in problem


def test_cause_comes_before_effects() -> None:
    """A unit in imprint mode has neither thresholds nor keys; what is told is the imprint mode."""
    bare = replace(BACKUP, imprint=True, signature_threshold=0, current=EMPTY, new=EMPTY)
    with pytest.raises(Failed) as caught:
        precheck.require(_facts(UNIT, bare), precheck.ROTATE)
    assert caught.value.lines[1].startswith("Crypto unit 2 is in imprint mode")
    assert caught.value.lines[-1] == "Nothing was changed."
