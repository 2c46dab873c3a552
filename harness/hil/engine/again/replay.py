"""Replay: one scenario alone, compared with what a campaign stored of it."""

from dataclasses import dataclass

from hil.model.scenario import Result
from hil.model.verdicts import Gate, gate


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
