"""Reading what ``tke`` prints: the register tables of ``cryptounit-mks``.

The tables are read without any blanks and line ends, so that it does not matter how wide they were, and
where a narrow terminal has broken their rows.
"""

import re
from collections.abc import Iterator, Sequence

from harness.model.registers import Register, UnitRegisters

_TITLE = re.compile(r"(NEW|CURRENT)MASTERKEYREGISTER")
_HEADER = "CRYPTOUNITNUMSTATUSVERIFICATIONPATTERN"
_STATES = {
    state.replace(" ", ""): state for state in ("Empty", "Valid", "Full Uncommitted", "Full Committed")
}
_ROW = re.compile(rf"(\d+)\*?({'|'.join(_STATES)})([0-9a-f]{{64}})")

_Table = dict[int, Register]


def registers(lines: Sequence[str]) -> tuple[UnitRegisters, ...]:
    """Return the units that both tables show, in number order; the screen does not tell their types."""
    new, current = _tables(lines)
    return tuple(
        UnitRegisters(number, "", current[number], new[number])
        for number in sorted(new.keys() & current.keys())
    )


def whole(lines: Sequence[str]) -> bool:
    """Whether both tables are there and show the same units, so that nothing of them was cut off."""
    new, current = _tables(lines)
    return bool(new) and new.keys() == current.keys()


def _tables(lines: Sequence[str]) -> tuple[_Table, _Table]:
    """NEW and CURRENT, each as it was shown last."""
    text = re.sub(r"\s", "", "".join(lines))
    titles = list(_TITLE.finditer(text))
    ends = [*(title.start() for title in titles[1:]), len(text)]
    tables: dict[str, _Table] = {"NEW": {}, "CURRENT": {}}
    for title, end in zip(titles, ends, strict=False):
        tables[title[1]] = dict(_rows(text[title.end() : end]))
    return tables["NEW"], tables["CURRENT"]


def _rows(text: str) -> Iterator[tuple[int, Register]]:
    """Rows follow the header without a gap; the first thing that is none ends the table."""
    at = text.find(_HEADER) + len(_HEADER)
    while at >= len(_HEADER) and (row := _ROW.match(text, at)):
        yield int(row[1]), Register(_STATES[row[2]], row[3])
        at = row.end()
