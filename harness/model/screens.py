"""Reading what ``tke`` prints: the register tables of ``cryptounit-mks``."""

import re
from collections.abc import Sequence

from harness.model.registers import Register, UnitRegisters

_TITLES = {"NEW MASTER KEY REGISTER": "new", "CURRENT MASTER KEY REGISTER": "current"}
_ROW = re.compile(r"^(\d+)\*?\s+(Empty|Valid|Full Uncommitted|Full Committed)\s+([0-9a-f]{32})\s*$")
_SECOND_HALF = re.compile(r"^\s+([0-9a-f]{32})\s*$")


def registers(lines: Sequence[str]) -> tuple[UnitRegisters, ...]:
    """Return the units that both tables show, in number order; the screen does not tell their types."""
    tables: dict[str, dict[int, Register]] = {"new": {}, "current": {}}
    title, row = "", None
    for line in lines:
        if line.strip() in _TITLES:
            title, row = _TITLES[line.strip()], None
        elif title and (match := _ROW.match(line)):
            row = match
        elif row and (half := _SECOND_HALF.match(line)):
            tables[title][int(row[1])] = Register(row[2], row[3] + half[1])
            row = None
    numbers = sorted(tables["new"].keys() & tables["current"].keys())
    return tuple(
        UnitRegisters(number, "", tables["current"][number], tables["new"][number]) for number in numbers
    )
