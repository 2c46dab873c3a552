"""An instance as names of master keys: units, rows, selection, terminal."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self

OPERATIONAL, RECOVERY = "OPERATIONAL", "RECOVERY"
OLD = "C"
PARTS = "P"  # what the key-part files of the workstation combine to; each random key is N1, N2, ...


@dataclass(frozen=True)
class TwinUnit:
    """One crypto unit; None is an empty register. ``committed`` is about NEW."""

    number: int
    type: str
    current: str | None = OLD
    new: str | None = None
    committed: bool = False
    imprint: bool = False

    @property
    def pending(self) -> bool:
        """Whether NEW is Full Committed."""
        return self.new is not None and self.committed

    def promoted(self) -> Self:
        """Set immediate: NEW becomes CURRENT."""
        return replace(self, current=self.new, new=None, committed=False)

    def zeroized(self) -> Self:
        """Both registers and all administrators gone: imprint mode."""
        return replace(self, current=None, new=None, committed=False, imprint=True)

    def cleared(self) -> Self:
        """NEW emptied."""
        return replace(self, new=None, committed=False)


@dataclass(frozen=True)
class TwinInstance:
    """State that the documents speak of.

    ``rows``: pairs of a master key and how many rows are under it, sorted, none of them zero. ``target``: the
    key that a begun rotation leads to, for as long as workloads are shut out. ``made``: random keys so far.
    ``shown``: messages on the terminal.
    """

    units: tuple[TwinUnit, ...]
    rows: tuple[tuple[str, int], ...]
    selected: tuple[int, ...]
    target: str | None = None
    made: int = 0
    shown: frozenset[int] = field(default_factory=frozenset)

    @property
    def operational(self) -> tuple[TwinUnit, ...]:
        """Units that serve workloads."""
        return tuple(unit for unit in self.units if unit.type == OPERATIONAL)

    @property
    def chosen(self) -> tuple[TwinUnit, ...]:
        """Units that are selected."""
        return tuple(unit for unit in self.units if unit.number in self.selected)

    @property
    def held(self) -> frozenset[str]:
        """Master keys that some register holds, recovery units included: all that can still be read with."""
        return frozenset(key for unit in self.units for key in (unit.current, unit.new) if key)

    def under(self, key: str | None) -> int:
        """How many rows are under a master key."""
        return dict(self.rows).get(key or "", 0)

    def changed(self, number: int, change: Callable[[TwinUnit], TwinUnit]) -> Self:
        """One unit changed; workloads are let in again when every operational unit has promoted."""
        units = tuple(change(unit) if unit.number == number else unit for unit in self.units)
        changed = replace(self, units=units)
        done = all(unit.current == self.target for unit in changed.operational)
        return replace(changed, target=None) if done else changed

    def moved(self, to: str, count: int, away: tuple[str, ...]) -> Self:
        """``count`` rows rewrapped from the keys ``away`` to ``to``."""
        rows = Counter(dict(self.rows))
        for key in away:
            part = min(count, rows[key])
            rows[key] -= part
            rows[to] += part
            count -= part
        return replace(self, rows=tuple(sorted((+rows).items())))
