"""What a campaign found: its results, what speaks against them, and the gate.

A campaign that has just been played, one that is judged again, and one that is put together from shards are
judged here alike, of what their run directories hold; what one of them forgot would turn red into green.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hil.engine.results import AUDIT_EVERY, Results
from hil.engine.rundir import Record
from hil.engine.stored import Stored
from hil.model.judging import Judged, judge
from hil.model.merging import Merging, merging
from hil.model.probe import Probe
from hil.model.scenario import Result
from hil.model.verdicts import Gate, Verdict
from hil.targets.hpcs.model.coverage import missing, outcomes
from hil.targets.hpcs.model.twin.agreement import TwinAgreement, agreement
from hil.targets.hpcs.operator.book import Book
from hil.targets.hpcs.play import controls
from hil.targets.hpcs.play.profiles import Profile


@dataclass(frozen=True)
class CampaignOutcome:
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
    model: TwinAgreement
    probes: tuple[Probe, ...]
    lacking: tuple[str, ...] = ()
    merging: Merging | None = None
    untried: tuple[str, ...] = ()

    @property
    def judged(self) -> Judged:
        """The gate, and what speaks against any pass."""
        return Judged(self.gate, self.untried)


def judged(
    results: Results, profile: Profile | None, book: Book, missed: tuple[str, ...] = ()
) -> CampaignOutcome:
    """Judge a campaign; ``profile``: what the plan was made from.

    ``missed``: controls that were found lacking when it was played.
    """
    return _Judge(results, profile, book, missed).outcome()


def of(stored: Stored, records: Sequence[Record] | None = None) -> CampaignOutcome:
    """Judge what stands in a run directory, finished or not, by its records or by others for the same plan.

    Raises BadProcedure.
    """
    found = Results.of(stored)
    missed = tuple(stored.head.get("controls", {}).get("missing", ()))
    return judged(
        replace(found, records=found.records if records is None else records),
        stored.profile,
        stored.book,
        missed,
    )


@dataclass(frozen=True)
class _Judge:
    found: Results
    profile: Profile | None
    book: Book
    missed: tuple[str, ...]

    def outcome(self) -> CampaignOutcome:
        found = self.found
        results = tuple(map(Result.from_record, found.records))
        probes = found.probes or ()
        model = agreement(found.records)
        lacking = self._lacking(results)
        merged = self._merging(results)
        answer = judge(
            found.records,
            found.planned,
            faults=any(scenario.faults for scenario in found.plan),
            lost=found.probes == () or not all(probe.tried for probe in probes),
            repeatable=not found.differing and not (merged and merged.doubtful),
            foreseen=all(result.foreseen for result in results),
            controlled=not lacking,
            agreed=not model.differences,
            probed=not any(probe.problems for probe in probes),
        )
        return CampaignOutcome(
            gate=answer.gate,
            results=results,
            differing=found.differing,
            seconds=found.seconds,
            played=found.played,
            model=model,
            probes=probes,
            lacking=lacking,
            merging=merged,
            untried=answer.untried,
        )

    @property
    def _promised(self) -> Profile | None:
        """The profile, where all of its own plan is to be played here."""
        found = self.found
        whole = found.origin is not None and found.origin.scenarios == len(found.plan) == found.planned
        return self.profile if whole else None

    def _lacking(self, results: Sequence[Result]) -> tuple[str, ...]:
        """Return the controls that the profile promises and that were not played, in words."""
        if self._promised is None:
            return self.missed
        kinds = controls.lacking(self.found.plan, self._promised.promises, self.book)
        cells = missing(results, controls.procedures()) if self._promised.exhaustive else ()
        return (*(f"every control of kind {kind}" for kind in kinds), *cells)

    def _merging(self, results: Sequence[Result]) -> Merging | None:
        deep = self.profile is not None and self.profile.depth > 1
        if not deep or self.found.planned != len(self.found.plan):
            return None
        return merging(results, whole=self._promised is not None)


def tally(outcome: CampaignOutcome) -> dict[str, Any]:
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
