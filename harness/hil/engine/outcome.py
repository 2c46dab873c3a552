"""What a campaign found: its results, what speaks against them, and the gate.

A campaign that has just been played, one that is judged again, and one that is put together from shards are
judged here alike, of what their run directories hold; what one of them forgot would turn red into green.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from hil.engine.plan import Origin
from hil.engine.rundir import Record
from hil.engine.stored import Stored
from hil.model.judging import Judged, judge
from hil.model.merging import Merging, merging
from hil.model.scenario import Result, Scenario
from hil.model.verdicts import Gate, Verdict
from hil.targets.hpcs.model.coverage import missing, outcomes
from hil.targets.hpcs.model.twin.agreement import Agreement, agreement
from hil.targets.hpcs.operator.book import Book
from hil.targets.hpcs.play import controls
from hil.targets.hpcs.play.profiles import Profile
from hil.targets.hpcs.probes.probe import Probe

AUDIT_EVERY = 20  # one scenario in so many is played twice


@dataclass(frozen=True)
class Outcome:
    """What a campaign found; ``differing`` are ids of scenarios that the audit saw end differently.

    ``model``: whether the twin predicted it. ``probes``: what was asked of the instance beside the scenarios.
    ``lacking``: controls that were promised and not played. ``merging``: how depth 2 came to be, where it was
    played whole. ``untried``: why no pass can come of it. ``seconds`` is the time in which ``played`` of the
    results came.
    """

    gate: Gate
    results: tuple[Result, ...]
    differing: tuple[str, ...]
    seconds: float
    played: int
    model: Agreement
    probes: tuple[Probe, ...]
    lacking: tuple[str, ...] = ()
    merging: Merging | None = None
    untried: tuple[str, ...] = ()


@dataclass(frozen=True)
class Results:
    """What is known of a campaign, or of a shard that is to play ``planned`` scenarios of its plan.

    ``records`` are the results as they are stored, in the order of the plan. ``probes``: empty where the
    worker was lost over them, None where nobody knows. ``profile``: what the plan was made from. ``missed``:
    controls that were found lacking when it was played.
    """

    plan: Sequence[Scenario]
    planned: int
    origin: Origin | None
    profile: Profile | None
    book: Book
    records: Sequence[Record]
    differing: tuple[str, ...]
    probes: tuple[Probe, ...] | None
    seconds: float
    played: int
    missed: tuple[str, ...] = ()

    @classmethod
    def of(cls, stored: Stored) -> Self:
        """Take them from a run directory, finished or not; raises BadProcedure."""
        return cls(
            plan=stored.plan,
            planned=stored.planned,
            origin=stored.origin,
            profile=stored.profile,
            book=stored.book,
            records=[stored.records[number] for number in sorted(stored.records)],
            differing=stored.differing,
            probes=stored.probes,
            seconds=0.0,
            played=0,
            missed=tuple(stored.head.get("controls", {}).get("missing", ())),
        )

    def judged(self) -> Judged:
        """Return the gate alone."""
        outcome = self.outcome()
        return Judged(outcome.gate, outcome.untried)

    def outcome(self) -> Outcome:
        """Judge it."""
        results = tuple(map(Result.from_record, self.records))
        probes = self.probes or ()
        model = agreement(self.records)
        lacking = self._lacking(results)
        merged = self._merging(results)
        judged = judge(
            self.records,
            self.planned,
            faults=any(scenario.faults for scenario in self.plan),
            lost=self.probes == () or not all(probe.tried for probe in probes),
            repeatable=not self.differing and not (merged and merged.doubtful),
            foreseen=all(result.foreseen for result in results),
            controlled=not lacking,
            agreed=not model.differences,
            probed=not any(probe.problems for probe in probes),
        )
        took = self.seconds, self.played
        doubts = results, self.differing, *took, model, probes, lacking, merged
        return Outcome(judged.gate, *doubts, untried=judged.untried)

    @property
    def _promised(self) -> Profile | None:
        """The profile, where all of its own plan is to be played here."""
        whole = self.origin is not None and self.origin.scenarios == len(self.plan) == self.planned
        return self.profile if whole else None

    def _lacking(self, results: Sequence[Result]) -> tuple[str, ...]:
        """Return the controls that the profile promises and that were not played, in words."""
        if self._promised is None:
            return self.missed
        kinds = controls.lacking(self.plan, self._promised.promises, self.book)
        cells = missing(results, controls.procedures()) if self._promised.exhaustive else ()
        return (*(f"every control of kind {kind}" for kind in kinds), *cells)

    def _merging(self, results: Sequence[Result]) -> Merging | None:
        deep = self.profile is not None and self.profile.depth > 1
        if not deep or self.planned != len(self.plan):
            return None
        return merging(results, whole=self._promised is not None)


def tally(outcome: Outcome) -> dict[str, Any]:
    """Return gate, counts and times of campaign.json."""
    verdicts = Counter(str(result.verdict) for result in outcome.results)
    faults = [fired for result in outcome.results for fired in result.fired]
    return {
        "gate": str(outcome.gate),
        "seconds": round(outcome.seconds, 3),
        "scenarios_per_second": round(outcome.played / outcome.seconds, 3) if outcome.played else 0.0,
        "verdicts": {str(verdict): verdicts[str(verdict)] for verdict in Verdict},
        "crash_points": {"enumerated": len(faults), "fired": sum(faults)},
        "audit": {"every": AUDIT_EVERY, "differing": list(outcome.differing)},
        "model": outcome.model.record(),
        "controls": {"outcomes": outcomes(outcome.results), "missing": list(outcome.lacking)},
        "probes": [probe.record() for probe in outcome.probes],
        "untried": list(outcome.untried),
    } | ({"merged": outcome.merging.record()} if outcome.merging else {})
