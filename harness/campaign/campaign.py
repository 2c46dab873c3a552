"""A campaign: a frozen plan, workers with a rig each, results as they come, and the gate at the end."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from harness.campaign import controls, worker
from harness.campaign.crew import Crew
from harness.campaign.deepen import Merged, deepen, state_based
from harness.campaign.phases import Entered, Phase, unheard
from harness.campaign.plan import Origin
from harness.campaign.profiles import DOCUMENTED, STATE_BASED, Profile
from harness.campaign.record import Recording
from harness.campaign.rundir import Record, RunDir
from harness.campaign.worker import PROBE, Answer, Bench, Lost, Order, Played, Probed, Task
from harness.model.coverage import missing, outcomes
from harness.model.faults import FaultKind
from harness.model.merging import Merging, merging
from harness.model.scenario import Result, Scenario, not_judged
from harness.model.twin.agreement import Agreement, agreement
from harness.model.verdicts import Gate, Verdict, gate
from harness.probes.probe import Probe
from harness.procedures.book import Book
from harness.rig import docker

AUDIT_EVERY = 20  # one scenario in so many is played twice

Told = Callable[[int, int, Result], None]
Chosen = Callable[[Sequence[Scenario]], Sequence[Scenario]]


@dataclass(frozen=True)
class Shard:
    """The i-th of n parts of a plan, dealt out by number; 1/1 is all of it."""

    index: int = 1
    of: int = 1

    def __str__(self) -> str:
        return f"{self.index}/{self.of}"

    def holds(self, number: int) -> bool:
        """Whether scenario ``number`` belongs to this part."""
        return number % self.of == self.index - 1


@dataclass(frozen=True)
class Outcome:
    """What a campaign found; ``differing`` are ids of scenarios that the audit saw end differently.

    ``model``: whether the twin predicted it. ``probes``: what was asked of the instance beside the scenarios.
    ``lacking``: controls that were promised and not played. ``merging``: how depth 2 came to be, where it was
    played whole.
    """

    gate: Gate
    results: tuple[Result, ...]
    differing: tuple[str, ...]
    seconds: float
    model: Agreement
    probes: tuple[Probe, ...]
    lacking: tuple[str, ...] = ()
    merging: Merging | None = None


@dataclass
class Campaign:
    """Plays a profile's plan, or the plan that its run directory holds already, on ``jobs`` workers.

    ``chosen`` narrows a new plan down; ``told`` hears of every result as it comes, ``entered`` of each phase.
    """

    bench: Bench
    rundir: RunDir
    name: str
    profile: Profile
    jobs: int
    told: Told
    chosen: Chosen = tuple
    shard: Shard = field(default_factory=Shard)
    entered: Entered = unheard
    merged: Merged | None = None
    probes: tuple[Probe, ...] | None = None
    _promised: Profile | None = None  # set where the plan is the profile's own, and whole

    @property
    def origin(self) -> Origin:
        """What its plan is made for."""
        return Origin(self.name, self.bench.shape)

    def run(self) -> Outcome:
        """Run to the end. Interrupted: everything is stopped, results so far are kept."""
        start = time.monotonic()
        plan = self.rundir.plan()
        golden, recording = worker.prepare(self.bench, recorded=plan is None, entered=self.entered)
        with closing(Crew(self.bench, golden, self.jobs)) as crew:
            if plan is None:
                plan = self._plan(crew, recording)
                self.rundir.write_plan(plan, self.origin)
            self.rundir.point_latest()
            self._play(crew, plan)
        return self._finish(start, plan)

    def plan(self) -> tuple[tuple[Scenario, ...], Recording]:
        """Only make the plan, and return it with the recording that it is made from."""
        golden, recording = worker.prepare(self.bench, recorded=True, entered=self.entered)
        with closing(Crew(self.bench, golden, self.jobs)) as crew:
            return self._plan(crew, recording), recording

    def _plan(self, crew: Crew, recording: Recording) -> tuple[Scenario, ...]:
        self.entered(Phase.PLANNING)
        whole = tuple(self.profile.plan(recording, self.bench.shape))
        first = tuple(self.chosen(whole))
        if first == whole:
            self._promised = self.profile
        if self.profile.depth == 1:
            return first
        kills = [scenario for scenario in first if scenario.faults[0].kind is FaultKind.KILL]
        second, merged = deepen(crew, [one for one in kills if one.procedure == DOCUMENTED])
        third = state_based(crew, [one for one in kills if one.procedure == STATE_BASED])
        self.merged = replace(merged, state_based=len(third))
        return (*first, *second, *third)

    def _play(self, crew: Crew, plan: Sequence[Scenario]) -> None:
        """Play what has no result yet."""
        self.entered(Phase.PLAYING)
        done = self.rundir.results()
        ours = [number for number in range(1, len(plan) + 1) if self.shard.holds(number)]
        orders = [
            Order(number, plan[number - 1], Task.PLAY if number % AUDIT_EVERY else Task.AUDIT)
            for number in ours
            if number not in done
        ]
        finished = len(ours) - len(orders)
        for answer in crew.work([PROBE, *orders]):
            if answer.number == PROBE.number:
                self.probes = answer.probes if isinstance(answer, Probed) else None
                continue
            played = _played(answer, self.bench.book)
            if played.difference:
                self.rundir.write_difference(played.number, played.difference)
            self.rundir.add_result(played.number, played.result)
            finished += 1
            self.told(finished, len(ours), played.result)

    def _finish(self, start: float, plan: Sequence[Scenario]) -> Outcome:
        records = self.rundir.results()
        differing = tuple(records[number]["id"] for number in self.rundir.differences())
        ordered = [records[number] for number in sorted(records)]
        results = tuple(map(Result.from_record, ordered))
        planned = sum(self.shard.holds(number) for number in range(1, len(plan) + 1))
        pairs = [(result.verdict, result.scenario.expected) for result in results]
        if self.probes is None:  # the worker was lost over them
            pairs.append((Verdict.HARNESS_ERROR, Verdict.RECOVERED))
        probes = self.probes or ()
        model = agreement(ordered)
        lacking = self._lacking(plan, results)
        merged = merging(results) if self.profile.depth > 1 and planned == len(plan) else None
        verdict = gate(
            pairs,
            planned,
            repeatable=not differing and not (merged and merged.differ),
            foreseen=all(result.foreseen for result in results),
            controlled=not lacking,
            agreed=not model.differences,
            probed=all(probe.passed for probe in probes),
        )
        took = time.monotonic() - start
        outcome = Outcome(verdict, results, differing, took, model, probes, lacking, merged)
        head = {
            "profile": self.name,
            "shard": str(self.shard),
            "planned": planned,
            "total": len(plan),
        }
        self.rundir.write_campaign(head | summary(self.bench, outcome), ordered)
        return outcome

    def _lacking(self, plan: Sequence[Scenario], results: Sequence[Result]) -> tuple[str, ...]:
        """Return the controls that the profile promises and this campaign did not play, in words."""
        if self._promised is None or self.shard != Shard():
            return ()
        kinds = controls.lacking(plan, self._promised.promises, self.bench.book)
        cells = missing(results, controls.procedures()) if self._promised.exhaustive else ()
        return (*(f"every control of kind {kind}" for kind in kinds), *cells)


def _played(answer: Answer, book: Book) -> Played:
    if isinstance(answer, Played):
        return answer
    if not isinstance(answer, Lost):
        raise TypeError(f"a worker answered {answer} to an order to play")
    kind = book[answer.scenario.procedure].kind
    return Played(answer.number, not_judged(answer.scenario, kind, answer.why))


def summary(bench: Bench, outcome: Outcome) -> Record:
    """Return the head of campaign.json as far as it follows from the bench and the results."""
    shape = bench.shape
    return {
        "backend": "docker" if bench.image else "process",
        "image": {"name": bench.image, "digest": docker.image_digest(bench.image)} if bench.image else None,
        "keystore": "postgresql" if bench.server else "sqlite",
        "module": {"name": bench.module.name, "library": str(bench.module.library)} if bench.module else None,
        "units": shape.units,
        "keys": shape.keys,
    } | tally(outcome)


def tally(outcome: Outcome) -> dict[str, Any]:
    """Return gate, counts and times of campaign.json."""
    verdicts = Counter(str(result.verdict) for result in outcome.results)
    faults = [fired for result in outcome.results for fired in result.fired]
    return {
        "gate": str(outcome.gate),
        "seconds": round(outcome.seconds, 3),
        "scenarios_per_second": round(len(outcome.results) / outcome.seconds, 3),
        "verdicts": {str(verdict): verdicts[str(verdict)] for verdict in Verdict},
        "crash_points": {"enumerated": len(faults), "fired": sum(faults)},
        "audit": {"every": AUDIT_EVERY, "differing": list(outcome.differing)},
        "model": outcome.model.record(),
        "controls": {"outcomes": outcomes(outcome.results), "missing": list(outcome.lacking)},
        "probes": [probe.record() for probe in outcome.probes],
    } | ({"merged": outcome.merging.record()} if outcome.merging else {})
