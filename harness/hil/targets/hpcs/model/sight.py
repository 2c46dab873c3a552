"""What an operator sees of the instance when he looks: crypto units, registers, rows by master key.

Read from the screens of ``cryptounits``, ``cryptounit-mks`` and ``rotation-status``. Which of them were
asked for is the procedure's choice; what nobody asked for stays unknown.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from hil.targets.hpcs.model import screens
from hil.targets.hpcs.model.registers import VALID, UnitRegisters, promotion

_UNIT = re.compile(r"^(\d+)\s+(?:true|false)\s+(OPERATIONAL|RECOVERY|FAILOVER)\s")
_ROWS = re.compile(r"^([0-9a-f]{32})\s+(\d+)\s*$")
_COUNTED = re.compile(r"\s*MASTER KEY\s+KEY VERSIONS\s*$")
# What is left of a row that was cut or misread.
_TORN = re.compile(r"[0-9a-fA-FOolIS]{12}|^\W*[0-9a-fA-FOolIS]{4,}\W*$")
_REGISTERS = re.compile(r"\s*(?:NEW|CURRENT) MASTER KEY REGISTER\s*$")
_INSTANCE = re.compile(r"\s*SERVICE INSTANCE:\s*(\S*)\s*$")
MIXED = "mixed"


class Agreement(StrEnum):
    """Whether the CURRENT registers agree."""

    ONE = "one"  # all Valid, one pattern
    SEVERAL = "several"
    EMPTY = "empty"  # at least one is not Valid


class Rows(StrEnum):
    """Which master key the rows of the key store stand under, measured by what every unit could read.

    A unit could read a row whose master key is in its CURRENT register, or will be by set immediate.
    """

    CURRENT = "current"  # all under the key that every unit has in CURRENT
    NEW = "new"  # all under a key that every unit has in one of its registers, not everywhere in CURRENT
    BOTH = "both"  # some so, some so
    APART = "apart"  # some under a key that is missing in both registers of a unit


@dataclass(frozen=True)
class Listed:
    """A crypto unit as ``cryptounits`` lists it."""

    number: int
    type: str


@dataclass(frozen=True)
class Sight:
    """What the screens have shown so far; ``rows``: counts by half a pattern, None where nobody looked.

    ``instances``: the service instances whose registers were shown, by name (empty where it has none).
    """

    listed: tuple[Listed, ...] = ()
    units: tuple[UnitRegisters, ...] = ()
    rows: Mapping[str, int] | None = None
    instances: tuple[str, ...] = ()

    def read(self, command: str, lines: Sequence[str], instance: str = "") -> "Sight":
        """Add what the screen of a command shows of ``instance``, where there are several."""
        if command == "cryptounits":
            found = (_UNIT.match(line) for line in _of(instance, lines))
            return replace(self, listed=tuple(Listed(int(row[1]), row[2]) for row in found if row))
        if command == "rotation-status":
            return replace(self, rows=_counts(_of(instance, lines)))
        if command in ("cryptounit-mk", "cryptounit-mks"):
            units, shown = screens.registers(lines, instance), screens.instances(lines)
            return replace(self, units=units, instances=shown)
        return self

    def facts(self) -> dict[str, Any]:
        """Return what rules may ask for, by the names of Evidence."""
        return {
            "promotion": promotion(self.units),
            "current": _agreement(self.units),
            "new": _common_state(self.units),
            "rows": None if self.rows is None else _rows(self.units, self.rows),
        }


def _of(instance: str, lines: Sequence[str]) -> Iterator[str]:
    """Yield the lines below the name of a service instance; all of them where no instance is asked for."""
    here = True
    for line in lines:
        if named := _INSTANCE.match(line):
            here = not instance or named[1] in ("", instance)
        if here:
            yield line


def _counts(lines: Iterable[str]) -> Mapping[str, int] | None:
    """Read rows by master key; None where the table is not there, has none, or one of them is torn."""
    found: dict[str, int] = {}
    here = torn = False
    for line in lines:
        if _COUNTED.match(line):
            here, torn, found = True, False, {}  # of several the last one
        elif _REGISTERS.match(line):
            here = False
        elif here and (row := _ROWS.match(line)):
            found[row[1]] = int(row[2])
        elif here and not _INSTANCE.match(line):
            torn |= bool(_TORN.search(line))
    return found if found and not torn else None


def _agreement(units: Sequence[UnitRegisters]) -> Agreement:
    if not units or any(unit.current.state != VALID for unit in units):
        return Agreement.EMPTY
    return Agreement.ONE if len({unit.current.identity for unit in units}) == 1 else Agreement.SEVERAL


def _common_state(units: Sequence[UnitRegisters]) -> str:
    states = {unit.new.state for unit in units}
    return states.pop() if len(states) == 1 else MIXED


def _rows(units: Sequence[UnitRegisters], rows: Mapping[str, int]) -> Rows:
    places = {_place(units, half) for half, count in rows.items() if count}
    if Rows.APART in places:
        return Rows.APART
    if places == {Rows.CURRENT, Rows.NEW}:
        return Rows.BOTH
    return places.pop() if places else Rows.CURRENT


def _place(units: Sequence[UnitRegisters], half: str) -> Rows:
    current = [(unit.current.identity or "").startswith(half) for unit in units]
    either = [
        here or (unit.new.identity or "").startswith(half) for unit, here in zip(units, current, strict=True)
    ]
    if not all(either):
        return Rows.APART
    return Rows.CURRENT if all(current) else Rows.NEW
