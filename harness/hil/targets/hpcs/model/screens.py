"""Reading what ``tke`` prints: the register tables of ``cryptounit-mks``.

The tables are read without any blanks and line ends, so that it does not matter how wide they were, and
where a narrow terminal has broken their rows.
"""

import re
from collections.abc import Mapping, Sequence

from hil.targets.hpcs.model.registers import Register, UnitRegisters

_TITLE = re.compile(r"(NEW|CURRENT)MASTERKEYREGISTER")
# A table begins with the name of its service instance; the screen has one for each in the resource group.
_SECTION = re.compile(r"(?:SERVICEINSTANCE:(?P<name>.{0,80}?))?CRYPTOUNITNUMSTATUSVERIFICATIONPATTERN")
_STATES = {
    state.replace(" ", ""): state for state in ("Empty", "Valid", "Full Uncommitted", "Full Committed")
}
_ROW = re.compile(rf"(\d+)\*?({'|'.join(_STATES)})([0-9a-f]{{64}})")

# What is left of a row that was cut or misread, right below a table.
_RAGGED = re.compile(r"\d+\*?(?:Em|Va|Fu|E|V|F)|[0-9a-fOolI]{24}")

_NOTE = r"(?:\*Indicatesarecoverycryptounitusedonlytoholdabackupmasterkeyvalue\.)?"
_END = re.compile(rf"(?:{'|'.join(_STATES)})[0-9a-f]{{64}}{_NOTE}$")

_Table = dict[int, Register]


def registers(lines: Sequence[str], instance: str = "") -> tuple[UnitRegisters, ...]:
    """Return the units that both tables show, in number order; the screen does not tell their types.

    Units of several service instances are never put together: those of ``instance`` are told, and where it
    is not known none.
    """
    chosen = _chosen(_tables(lines), instance)
    if chosen is None:
        return ()
    new, current = chosen["NEW"], chosen["CURRENT"]
    return tuple(
        UnitRegisters(number, "", current[number], new[number])
        for number in sorted(new.keys() & current.keys())
    )


def instances(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the service instances whose registers are shown."""
    return tuple(_tables(lines))


def whole(lines: Sequence[str]) -> bool:
    """Whether both tables are there and show the same units, so that nothing of them was cut off."""
    found = _tables(lines)
    return bool(found) and all(
        tables["NEW"] and tables["NEW"].keys() == tables["CURRENT"].keys() for tables in found.values()
    )


def alone(lines: Sequence[str]) -> bool:
    """Whether nothing stands below the tables that is no part of them."""
    text = re.sub(r"\s", "", "".join(lines))
    return bool(_END.search(text))


def _chosen(found: Mapping[str, Mapping[str, _Table]], instance: str) -> Mapping[str, _Table] | None:
    """The tables of the instance; where none is asked for, those of the only one that is shown."""
    if instance or len(found) != 1:
        return found.get(instance) if instance else None
    return next(iter(found.values()))


def _tables(lines: Sequence[str]) -> Mapping[str, dict[str, _Table]]:
    """NEW and CURRENT of each service instance, each as it was shown last."""
    text = re.sub(r"\s", "", "".join(lines))
    titles = list(_TITLE.finditer(text))
    ends = [*(title.start() for title in titles[1:]), len(text)]
    found: dict[str, dict[str, _Table]] = {}
    for title, end in zip(titles, ends, strict=False):
        shown = text[title.end() : end]
        sections = list(_SECTION.finditer(shown))
        for section, stop in zip(
            sections, [*(one.start() for one in sections[1:]), len(shown)], strict=False
        ):
            tables = found.setdefault(section["name"] or "", {"NEW": {}, "CURRENT": {}})
            tables[title[1]] = _rows(shown[section.end() : stop])
    return found


def _rows(text: str) -> _Table:
    """Read rows, which follow the header without a gap; where one is torn, the table counts for nothing."""
    at, table = 0, {}
    while row := _ROW.match(text, at):
        table[int(row[1])] = Register(_STATES[row[2]], row[3])
        at = row.end()
    return {} if _RAGGED.match(text, at) else table
