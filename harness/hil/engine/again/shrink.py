"""Shrinking: a scenario with fewer faults and lower ordinals that still ends with the same verdict.

Greedy: a change that keeps the verdict is kept, and never taken back. So the end is small, not the smallest
of all; and the same verdict may have another reason than at the beginning.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from hil.model.faults import Fault
from hil.model.scenario import Result, Scenario
from hil.model.verdicts import Verdict

OnResult = Callable[[int, Result, bool], None]
UNSHRINKABLE = frozenset({Verdict.NOT_FIRED, Verdict.HARNESS_ERROR})


@dataclass(frozen=True)
class Shrunk:
    """The smallest scenario that was found, as it was first seen, and played once more as the proof."""

    smallest: Result
    proof: Result
    tries: int

    @property
    def proven(self) -> bool:
        """Whether it went the same way again."""
        return keeps(self.smallest, self.proof) and self.proof.trace == self.smallest.trace


class Shown(Protocol):
    """What one play of a scenario leaves behind."""

    @property
    def result(self) -> Result:
        """Its result."""
        ...


def keeps(first: Result, other: Result) -> bool:
    """Whether ``other`` shows what ``first`` showed: the verdict, by faults that all struck."""
    lost = other.keys.readable < other.keys.total
    return (
        other.verdict is first.verdict
        and all(other.fired)
        and (other.verdict is not Verdict.DATA_LOST or lost)
    )


def shrink(play: Callable[[Scenario], Shown], first: Result, tries: int, on_result: OnResult) -> Shrunk:
    """Shrink the scenario of ``first`` in at most so many tries; ``on_result`` hears of each."""
    seen = {first.scenario.id: first}

    def holds(scenario: Scenario) -> bool:
        result = play(scenario).result
        seen[scenario.id] = result
        kept = keeps(first, result)
        on_result(len(seen) - 1, result, kept)
        return kept

    smallest = seen[search(first.scenario, holds, tries).id]
    return Shrunk(smallest, play(smallest.scenario).result, len(seen) - 1)


def search(first: Scenario, holds: Callable[[Scenario], bool], tries: int) -> Scenario:
    """Return the smallest scenario for which ``holds`` was true, asking it ``tries`` times at most."""
    descent = _Descent(first, holds, tries)
    while descent.drop() or descent.lower(lambda ordinal: ordinal // 2) or descent.lower(lambda one: one - 1):
        pass
    return descent.best


class _Descent:
    """Walks down from ``best``; each step says whether it got anywhere."""

    def __init__(self, first: Scenario, holds: Callable[[Scenario], bool], tries: int) -> None:
        self.best = first
        self._holds = holds
        self._left = tries
        self._known = {first.id}

    def drop(self) -> bool:
        """Leave out a fault where there are several, the last one first."""
        faults = self.best.faults
        return len(faults) > 1 and any(
            self._take((*faults[:index], *faults[index + 1 :])) for index in reversed(range(len(faults)))
        )

    def lower(self, step: Callable[[int], int]) -> bool:
        """Lower each ordinal as far as ``step`` leads."""
        before = self.best
        for index in range(len(before.faults)):
            while self._take(self._lowered(index, step)):
                pass
        return self.best is not before

    def _lowered(self, index: int, step: Callable[[int], int]) -> tuple[Fault, ...]:
        faults = list(self.best.faults)
        faults[index] = replace(faults[index], ordinal=max(1, step(faults[index].ordinal)))
        return tuple(faults)

    def _take(self, faults: tuple[Fault, ...]) -> bool:
        scenario = replace(self.best, faults=faults)
        if scenario.id in self._known or not self._left:
            return False
        self._known.add(scenario.id)
        self._left -= 1
        if self._holds(scenario):
            self.best = scenario
            return True
        return False
