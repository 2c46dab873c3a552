"""What the screens of ``cryptounits``, ``cryptounit-mks`` and ``rotation-status`` tell an operator."""

import pytest

from hil.targets.hpcs.model.registers import EMPTY, FULL_COMMITTED, VALID, Register, UnitRegisters
from hil.targets.hpcs.model.sight import Agreement, Listed, Rows, Sight
from hsm_emulator.instance import Instance, UnitEntry, UnitType
from hsm_emulator.tke import screen

OLD, NEW = "a" * 64, "b" * 64
NOTHING = Register(EMPTY, "0" * 64)
WAITING = (Register(VALID, OLD), Register(FULL_COMMITTED, NEW))
PROMOTED = (Register(VALID, NEW), NOTHING)
TYPES = (UnitType.OPERATIONAL, UnitType.RECOVERY, UnitType.FAILOVER)


def _instance() -> Instance:
    entries = tuple(
        UnitEntry(number, kind, "[us-south].[AZ1-CS1].[01].[01]", f"module{number}", number, "")
        for number, kind in enumerate(TYPES, start=1)
    )
    return Instance("", "", "", "", "", "", entries)


def _sight(rows: dict[str, int], *pairs: tuple[Register, Register]) -> Sight:
    units = tuple(UnitRegisters(number, "", *pair) for number, pair in enumerate(pairs, start=1))
    return Sight((), units, rows)


def test_units_as_they_are_listed() -> None:
    """Numbers and types of all crypto units are read from the list, whether selected or not."""
    shown = screen.crypto_units(_instance(), frozenset())
    listed = Sight().read("cryptounits", shown).listed
    assert listed == tuple(Listed(number, kind.value) for number, kind in enumerate(TYPES, start=1))


def test_rows_by_master_key() -> None:
    """Counts of rows are read as they are printed; before anybody has looked they are unknown."""
    rows = {"a" * 32: 12, "0123456789abcdef" * 2: 4}
    assert Sight().rows is None
    assert Sight().read("rotation-status", screen.key_storage(_instance(), rows)).rows == rows
    assert Sight().read("rotation-status", screen.key_storage(_instance(), {})).rows is None


def test_a_command_that_shows_nothing_of_this() -> None:
    """The screen of another command changes nothing in what was seen."""
    assert Sight().read("login", ["1   true   RECOVERY   x", f"{'a' * 32}   3"]) == Sight()


@pytest.mark.parametrize(
    ("rows", "pairs", "place"),
    [
        ({OLD[:32]: 3}, [WAITING, WAITING], Rows.CURRENT),
        ({}, [WAITING, WAITING], Rows.CURRENT),
        ({OLD[:32]: 0, NEW[:32]: 3}, [WAITING, WAITING], Rows.NEW),
        ({OLD[:32]: 1, NEW[:32]: 3}, [WAITING, WAITING], Rows.BOTH),
        ({NEW[:32]: 3}, [PROMOTED, WAITING], Rows.NEW),
        ({NEW[:32]: 3}, [PROMOTED, PROMOTED], Rows.CURRENT),
        ({OLD[:32]: 1, NEW[:32]: 3}, [PROMOTED, WAITING], Rows.APART),
        ({"c" * 32: 1}, [WAITING, WAITING], Rows.APART),
        ({OLD[:32]: 1}, [WAITING, (NOTHING, WAITING[1])], Rows.APART),
    ],
)
def test_where_rows_stand(rows: dict[str, int], pairs: list[tuple[Register, Register]], place: Rows) -> None:
    """A row counts by what every crypto unit could read; a single unit without its key puts it apart."""
    assert _sight(rows, *pairs).facts()["rows"] is place


@pytest.mark.parametrize(
    ("pairs", "current", "new"),
    [
        ([WAITING, WAITING], Agreement.ONE, "Full Committed"),
        ([WAITING, PROMOTED], Agreement.SEVERAL, "mixed"),
        ([WAITING, (NOTHING, NOTHING)], Agreement.EMPTY, "mixed"),
        ([PROMOTED], Agreement.ONE, "Empty"),
    ],
)
def test_registers_in_one_word(pairs: list[tuple[Register, Register]], current: Agreement, new: str) -> None:
    """Whether CURRENT agrees, and which state the NEW registers share."""
    facts = _sight({}, *pairs).facts()
    assert (facts["current"], facts["new"]) == (current, new)
