"""Every transition from every state of the two registers."""

from collections.abc import Callable

import pytest

from hsm_emulator.unit import registers
from hsm_emulator.unit.command import HsmError, Refusal
from hsm_emulator.unit.registers import EMPTY_PATTERN, MasterKey, Registers

OLD = MasterKey("01" * 16, "a" * 64, "old")
NEXT = MasterKey("02" * 16, "b" * 64, "next")
FRESH = MasterKey("03" * 16, "c" * 64, "fresh")
SAME_AS_OLD = MasterKey("04" * 16, OLD.pattern, "same")

STATES = {
    "Empty/Empty": Registers(),
    "Empty/Uncommitted": Registers(None, NEXT),
    "Empty/Committed": Registers(None, NEXT, committed=True),
    "Valid/Empty": Registers(OLD),
    "Valid/Uncommitted": Registers(OLD, NEXT),
    "Valid/Committed": Registers(OLD, NEXT, committed=True),
}

COMMANDS: dict[str, Callable[[Registers], Registers]] = {
    "generate": lambda state: registers.generated(state, FRESH),
    "receive": lambda state: registers.received(state, FRESH),
    "receive current": lambda state: registers.received(state, SAME_AS_OLD),
    "commit": lambda state: registers.committed(state, NEXT.pattern),
    "commit other": lambda state: registers.committed(state, FRESH.pattern),
    "setimm": lambda state: registers.promoted(state, NEXT.pattern),
    "setimm other": lambda state: registers.promoted(state, FRESH.pattern),
    "clrnew": registers.new_cleared,
    "clrcur": registers.current_cleared,
}

EMPTY_EMPTY: Registers | Refusal = Registers()
FULL, MISSING, MISMATCH = Refusal.NEW_FULL, Refusal.NEW_EMPTY, Refusal.NEW_MISMATCH
UNCOMMITTED = Refusal.NEW_UNCOMMITTED
E_U, E_C = Registers(None, NEXT), Registers(None, NEXT, committed=True)
V_U, V_C = Registers(OLD, NEXT), Registers(OLD, NEXT, committed=True)
V_E, PROMOTED = Registers(OLD), Registers(NEXT)

# fmt: off
EXPECTED: dict[str, tuple[Registers | Refusal, ...]] = {  # one column a state, in the order of STATES
    "generate":        (Registers(FRESH), FULL, FULL, Registers(OLD, FRESH), FULL, FULL),
    "receive":         (Registers(None, FRESH), FULL, FULL, Registers(OLD, FRESH), FULL, FULL),
    "receive current": (Registers(None, SAME_AS_OLD), FULL, FULL, Refusal.NEW_IS_CURRENT, FULL, FULL),
    "commit":          (MISSING, E_C, E_C, MISSING, V_C, V_C),
    "commit other":    (MISSING, MISMATCH, MISMATCH, MISSING, MISMATCH, MISMATCH),
    "setimm":          (MISSING, UNCOMMITTED, PROMOTED, MISSING, UNCOMMITTED, PROMOTED),
    "setimm other":    (MISSING, UNCOMMITTED, MISMATCH, MISSING, UNCOMMITTED, MISMATCH),
    "clrnew":          (EMPTY_EMPTY, EMPTY_EMPTY, EMPTY_EMPTY, V_E, V_E, V_E),
    "clrcur":          (EMPTY_EMPTY, E_U, E_C, EMPTY_EMPTY, E_U, E_C),
}
# fmt: on

CASES = [
    pytest.param(state, COMMANDS[command], expected, id=f"{command} in {name}")
    for command, row in EXPECTED.items()
    for (name, state), expected in zip(STATES.items(), row, strict=True)
]


@pytest.mark.parametrize(("state", "command", "expected"), CASES)
def test_transition(
    state: Registers, command: Callable[[Registers], Registers], expected: Registers | Refusal
) -> None:
    """Every command in every state gives the registers or the refusal of the table."""
    if isinstance(expected, Refusal):
        with pytest.raises(HsmError) as caught:
            command(state)
        assert caught.value.refusal is expected
    else:
        assert command(state) == expected


def test_table_is_exhaustive() -> None:
    """The table has a row for every transition."""
    assert set(EXPECTED) == set(COMMANDS)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (V_C, PROMOTED, (OLD,)),
        (V_U, V_E, (NEXT,)),
        (V_U, E_U, (OLD,)),
        (V_U, Registers(), (OLD, NEXT)),
        (V_U, V_C, ()),
        (Registers(), Registers(FRESH), ()),
    ],
)
def test_unnamed(before: Registers, after: Registers, expected: tuple[MasterKey, ...]) -> None:
    """A key that no register names any more is to be destroyed once, and no other one."""
    assert registers.unnamed(before.keys + after.keys + before.keys, after) == expected


def test_named() -> None:
    """A register that holds a key names it, an empty one refuses by its own reason."""
    assert (registers.named(V_U, "current"), registers.named(V_U, "new")) == (OLD, NEXT)
    for name, refusal in (("current", Refusal.CURRENT_EMPTY), ("new", Refusal.NEW_EMPTY)):
        with pytest.raises(HsmError) as caught:
            registers.named(Registers(), name)
        assert caught.value.refusal is refusal


def test_states_in_the_words_of_the_screens() -> None:
    """The states read as the operator knows them."""
    shown = {name: (state.current_state, state.new_state) for name, state in STATES.items()}
    assert shown["Empty/Empty"] == ("Empty", "Empty")
    assert shown["Valid/Uncommitted"] == ("Valid", "Full Uncommitted")
    assert shown["Valid/Committed"] == ("Valid", "Full Committed")
    assert len(EMPTY_PATTERN) == 64
