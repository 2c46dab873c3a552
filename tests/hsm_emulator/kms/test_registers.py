"""What the registers of the operational units allow, without any process."""

import pytest

from hsm_emulator.kms.registers import (
    MasterKeyRegister,
    RegistersRefused,
    ReportedRegisters,
    Rewrappable,
    common_current,
    parse,
    promoted,
    rewrappable,
)
from hsm_emulator.registers import RegisterState

A, B, C, NONE = (bytes([value]) * 32 for value in (0xA, 0xB, 0xC, 0))
STATES = {
    "V": RegisterState.VALID,
    "U": RegisterState.FULL_UNCOMMITTED,
    "C": RegisterState.FULL_COMMITTED,
    "E": RegisterState.EMPTY,
}


def unit(number: int, current: tuple[str, bytes], new: tuple[str, bytes]) -> ReportedRegisters:
    """Build the registers of a unit from (letter of the state, pattern)."""
    shown = (MasterKeyRegister(STATES[state], pattern, pattern[:16]) for state, pattern in (current, new))
    return ReportedRegisters(number, *shown)


READY = unit(1, ("V", A), ("C", B))


def test_common_committed_new_over_common_current_is_rewrappable() -> None:
    """Only where all units hold one CURRENT and one other committed NEW may rows be rewrapped."""
    assert rewrappable([READY, unit(2, ("V", A), ("C", B))]) == Rewrappable(A, B)


@pytest.mark.parametrize(
    ("second", "part"),
    [
        (unit(2, ("E", NONE), ("C", B)), "current master key register is not Valid in crypto units 2"),
        (
            unit(2, ("V", B), ("E", NONE)),
            "current master key registers differ: unit 1 0a0a0a0a, unit 2 0b0b0b0b",
        ),
        (unit(2, ("V", A), ("E", NONE)), "not Full Committed in crypto units 2"),
        (unit(2, ("V", A), ("U", B)), "not Full Committed in crypto units 2"),
        (unit(2, ("V", A), ("C", C)), "new master key registers differ: unit 1 0b0b0b0b, unit 2 0c0c0c0c"),
    ],
)
def test_one_unit_out_of_step_refuses_the_rewrap(second: ReportedRegisters, part: str) -> None:
    """A single unit that is out of step refuses the rewrap with a reason that names it."""
    decision = rewrappable([READY, second])
    assert isinstance(decision, RegistersRefused)
    assert part in decision.reason


def test_new_equal_to_current_is_refused() -> None:
    """A NEW register that repeats CURRENT gives nothing to rewrap to."""
    assert isinstance(rewrappable([unit(1, ("V", A), ("C", A))]), RegistersRefused)


def test_promoted_needs_every_unit() -> None:
    """A rotation is over when the last unit has promoted, not before."""
    after = unit(1, ("V", B), ("E", NONE))
    assert not promoted([after, unit(2, ("V", A), ("C", B))], B)
    assert promoted([after, unit(2, ("V", B), ("E", NONE))], B)
    assert common_current([after]) == B


def test_parse_reads_the_answer_of_a_unit() -> None:
    """The registers come out of the unit's JSON as bytes and states; an empty one has no key."""
    body = {
        "number": 3,
        "registers": {
            "current": {"state": "Valid", "pattern": A.hex(), "key_id": A.hex()[:32]},
            "new": {"state": "Empty", "pattern": NONE.hex(), "key_id": None},
        },
    }
    assert parse(body) == ReportedRegisters(
        3,
        MasterKeyRegister(RegisterState.VALID, A, A[:16]),
        MasterKeyRegister(RegisterState.EMPTY, NONE, None),
    )


@pytest.mark.parametrize("body", [{}, {"number": 1}, {"number": 1, "registers": {"current": None, "new": 3}}])
def test_parse_rejects_another_answer(body: dict[str, object]) -> None:
    """An answer that is not a unit's raises one of the three errors named, never another."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        parse(body)
