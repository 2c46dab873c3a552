"""The register tables are read from what ``tke`` itself prints."""

from hypothesis import given
from hypothesis import strategies as st

from hil.targets.hpcs.model.screens import registers
from hsm_emulator.instance import Instance, UnitType
from hsm_emulator.registers import RegisterState
from hsm_emulator.tke import screen
from hsm_emulator.tke.unitstate import RegisterStatus, UnitStatus

INSTANCE = Instance("0c9f", "us-south", "default", "account", "operator", "/kms.sock", ())
PATTERNS = st.integers(1, 16**64 - 1).map(lambda number: f"{number:064x}")
EMPTY = st.just(RegisterStatus(RegisterState.EMPTY, "0" * 64))
CURRENT = st.one_of(EMPTY, st.builds(RegisterStatus, st.just(RegisterState.VALID), PATTERNS))
FULL = st.sampled_from([RegisterState.FULL_UNCOMMITTED, RegisterState.FULL_COMMITTED])
NEW = st.one_of(EMPTY, st.builds(RegisterStatus, FULL, PATTERNS))


@st.composite
def instances(draw: st.DrawFn) -> list[UnitStatus]:
    """Up to twelve units of all types, in all states."""
    return [
        UnitStatus(
            number=number,
            type=draw(st.sampled_from(UnitType)),
            module="00" * 8,
            domain=1,
            imprint=False,
            signature_threshold=2,
            revocation_threshold=2,
            counter=0,
            administrators=(),
            current=draw(CURRENT),
            new=draw(NEW),
        )
        for number in range(1, draw(st.integers(1, 12)) + 1)
    ]


@given(instances())
def test_both_tables_are_read_back(units: list[UnitStatus]) -> None:
    """Number, state and whole pattern of both registers of every unit come back from the screen."""
    lines = [*screen.new_registers(INSTANCE, units), "", *screen.current_registers(INSTANCE, units)]
    seen = [
        (u.number, u.current.state, u.current.pattern, u.new.state, u.new.pattern) for u in registers(lines)
    ]
    assert seen == [(u.number, u.current.state, u.current.pattern, u.new.state, u.new.pattern) for u in units]


@given(instances())
def test_the_comparison_screen_shows_the_same(units: list[UnitStatus]) -> None:
    """The tables are found among the other sections of ``cryptounit-compare`` too."""
    alone = [*screen.new_registers(INSTANCE, units), *screen.current_registers(INSTANCE, units)]
    assert registers(screen.comparison(INSTANCE, units)) == registers(alone)


@given(instances(), st.data())
def test_a_screen_that_was_cut_off_invents_nothing(units: list[UnitStatus], data: st.DataObject) -> None:
    """Of a screen that ends early only units are returned that it shows in whole."""
    lines = [*screen.new_registers(INSTANCE, units), *screen.current_registers(INSTANCE, units)]
    whole = registers(lines)
    part = registers(lines[: data.draw(st.integers(0, len(lines)))])
    assert part == whole[: len(part)]


def test_nothing_to_read() -> None:
    """Other output of ``tke`` holds no unit."""
    assert registers(["FAILED", "Error querying crypto units.", "Status code: 401"]) == ()
    assert registers([]) == ()
