"""Replay: one scenario alone, on an instance of its own, compared with what a campaign stored of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from hil.engine import benches, setup
from hil.model.scenario import Result, Scenario
from hil.model.verdicts import Gate, gate
from hil.targets.hpcs.emulator import Shape
from hil.targets.hpcs.model.standing import standing_of
from hil.targets.hpcs.operator.book import Book
from hil.targets.hpcs.play.attempt import Account, attempt
from hil.targets.hpcs.rig.modules.equipment import Equipment

Play = Callable[[Scenario], Account]


@contextmanager
def player(shape: Shape, equipment: Equipment, book: Book) -> Iterator[Play]:
    """Set up an instance and give what plays scenarios on it, as often as one likes; then remove it."""
    with benches.bench(equipment, shape, book=book) as bench:
        golden, _ = setup.prepare(bench, recorded=False)
        rig = bench.rig("replay")
        try:
            yield lambda scenario: attempt(rig, golden, scenario, book[scenario.procedure])
        finally:
            rig.close()


def foretold(result: Result, book: Book) -> Result:
    """Expect what the procedure predicts for the standing that was found, where no plan does."""
    standing = standing_of(result)
    if standing is None:
        return result
    expected = book[result.scenario.procedure].verdict(standing)
    return replace(result, scenario=replace(result.scenario, expected=expected))


@dataclass(frozen=True)
class Comparison:
    """A result beside the stored one of the same scenario, None where there is none."""

    result: Result
    stored: Result | None

    @property
    def same_verdict(self) -> bool | None:
        """None where there is nothing to compare with."""
        return None if self.stored is None else self.result.verdict is self.stored.verdict

    @property
    def same_trace(self) -> bool | None:
        """None where there is nothing to compare with."""
        if not (self.stored and self.stored.trace):
            return None
        return self.result.trace == self.stored.trace

    @property
    def gate(self) -> Gate:
        """Judge as a campaign of this scenario alone that was played twice."""
        repeatable = self.same_verdict is not False and self.same_trace is not False
        pair = (self.result.verdict, self.result.scenario.expected)
        return gate([pair], 1, repeatable=repeatable, foreseen=self.result.foreseen)
