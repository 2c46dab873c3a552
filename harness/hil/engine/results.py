"""What is known of a campaign, or of a shard of it: what every target is judged by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from hil.engine.plan import Origin
from hil.engine.rundir import Record
from hil.engine.stored import Stored
from hil.model.probe import Probe
from hil.model.scenario import Result, Scenario
from hil.model.verdicts import Gate

AUDIT_EVERY = 20  # one scenario in so many is played twice


class Judgement(Protocol):
    """What a campaign found; a target's own has more."""

    @property
    def gate(self) -> Gate:
        """The answer of the whole campaign."""
        ...

    @property
    def results(self) -> tuple[Result, ...]:
        """All results, in the order of the plan."""
        ...


@dataclass(frozen=True)
class Results:
    """What is known of a campaign, or of a shard that is to play ``planned`` scenarios of its plan.

    ``records`` are the results as they are stored, in the order of the plan. ``probes``: empty where the
    worker was lost over them, None where nobody knows. ``seconds`` is the time in which ``played`` of the
    results came.
    """

    plan: Sequence[Scenario]
    planned: int
    origin: Origin | None
    records: Sequence[Record]
    differing: tuple[str, ...]
    probes: tuple[Probe, ...] | None
    seconds: float = 0.0
    played: int = 0

    @classmethod
    def of(cls, stored: Stored) -> Self:
        """Take them from a run directory, finished or not."""
        return cls(
            plan=stored.plan,
            planned=stored.planned,
            origin=stored.origin,
            records=[stored.records[number] for number in sorted(stored.records)],
            differing=stored.differing,
            probes=stored.probes,
        )
