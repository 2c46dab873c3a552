"""A campaign: a frozen plan, workers with a rig each, results as they come, and the gate at the end."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from hil.engine import asked, setup
from hil.engine.crew import Crew
from hil.engine.deepen import Merged, deepen, state_based
from hil.engine.outcome import AUDIT_EVERY, Outcome, Results, tally
from hil.engine.phases import Entered, Phase, unheard
from hil.engine.plan import Origin
from hil.engine.room import Room
from hil.engine.rundir import Record, RunDir
from hil.engine.worker import PROBE, Answer, Bench, Full, Lost, Order, Played, Probed, Task
from hil.model.faults import FaultKind
from hil.model.scenario import BENCH, MACHINE, Result, Scenario, not_judged
from hil.targets.hpcs.model.evidence import MESSAGES
from hil.targets.hpcs.play.attempt import Account
from hil.targets.hpcs.play.profiles import DOCUMENTED, STATE_BASED, Profile
from hil.targets.hpcs.play.record import Recording
from hil.targets.hpcs.probes.probe import Probe
from hil.targets.hpcs.rig.space import NoSpace
from hil.targets.hpcs.rig.units import docker

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
    probes: tuple[Probe, ...] | None = None  # they are asked first
    _came: int = 0  # that have come since it began

    def run(self) -> Outcome:
        """Run to the end. Interrupted: everything is stopped, results so far are kept."""
        start = time.monotonic()
        plan = self.rundir.plan()
        golden, recording = setup.prepare(self.bench, recorded=plan is None, entered=self.entered)
        room = Room(self.bench)
        room.for_rigs(self.jobs)
        with closing(Crew(self.bench, golden, self.jobs)) as crew:
            if plan is None:
                plan, origin = self._plan(crew, recording)
                self.rundir.write_plan(plan, origin)
            self.rundir.point_latest()
            self._play(crew, plan, room)
        return self._finish(start, plan)

    def plan(self) -> tuple[tuple[Scenario, ...], Origin, Recording]:
        """Only make the plan, and return it with what it is made for and the recording it is made from."""
        golden, recording = setup.prepare(self.bench, recorded=True, entered=self.entered)
        Room(self.bench).for_rigs(self.jobs)
        with closing(Crew(self.bench, golden, self.jobs)) as crew:
            return *self._plan(crew, recording), recording

    def _plan(self, crew: Crew, recording: Recording) -> tuple[tuple[Scenario, ...], Origin]:
        self.entered(Phase.PLANNING)
        whole = tuple(self.profile.plan(recording, self.bench.shape))
        first = tuple(self.chosen(whole))
        plan = first if self.profile.depth == 1 else (*first, *self._deepened(crew, first))
        return plan, Origin(self.name, self.bench.shape, len(plan) if first == whole else 0)

    def _deepened(self, crew: Crew, first: Sequence[Scenario]) -> tuple[Scenario, ...]:
        kills = [scenario for scenario in first if scenario.faults[0].kind is FaultKind.KILL]
        second, merged = deepen(crew, [one for one in kills if one.procedure == DOCUMENTED])
        third = state_based(crew, [one for one in kills if one.procedure == STATE_BASED])
        self.merged = replace(merged, state_based=len(third))
        return (*second, *third)

    def _play(self, crew: Crew, plan: Sequence[Scenario], room: Room) -> None:
        """Play what has no result yet; raises NoSpace."""
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
                self.probes = answer.probes if isinstance(answer, Probed) else ()
                asked.keep(self.rundir.path, self.probes)
                if not all(probe.tried for probe in self.probes):
                    room.left(len(orders))
                continue
            _look(answer, room, len(ours) - finished)
            played = self._result(answer)
            if played.difference:
                self.rundir.write_difference(played.number, played.difference)
            self.rundir.add_result(played.number, played.result)
            finished += 1
            self._came += 1
            self.told(finished, len(ours), played.result)

    def _result(self, answer: Answer) -> Played:
        """Return what was played; what the bench has lost has a result that says so."""
        if isinstance(answer, Played):
            return answer
        if not isinstance(answer, Lost):
            raise TypeError(f"a worker answered {answer} to an order to play")
        kind = self.bench.book[answer.scenario.procedure].kind
        check = MACHINE if answer.disturbed else BENCH
        result = not_judged(answer.scenario, kind, answer.why, check=check, messages=MESSAGES)
        result = replace(result, disturbed=answer.disturbed)
        self.rundir.write_account(answer.number, Account(result))
        return Played(answer.number, result)

    def _finish(self, start: float, plan: Sequence[Scenario]) -> Outcome:
        stored = self.rundir.results()
        records = [stored[number] for number in sorted(stored)]
        planned = sum(self.shard.holds(number) for number in range(1, len(plan) + 1))
        outcome = Results(
            plan=plan,
            planned=planned,
            origin=self.rundir.origin(),
            profile=self.profile,
            book=self.bench.book,
            records=records,
            differing=tuple(stored[number]["id"] for number in self.rundir.differences()),
            probes=self.probes or (),
            seconds=time.monotonic() - start,
            played=self._came,
        ).outcome()
        head = {
            "profile": self.name,
            "shard": str(self.shard),
            "planned": planned,
            "total": len(plan),
        }
        self.rundir.write_campaign(head | summary(self.bench, outcome), records)
        return outcome


def _look(answer: Answer, room: Room, left: int) -> None:
    """Raise NoSpace where a full disk may be why a scenario, of which so many are left, went wrong."""
    if isinstance(answer, Full):
        raise NoSpace(f"{answer.text}; it needs {room.purpose(left)}")
    if isinstance(answer, Lost) or (isinstance(answer, Played) and not answer.result.as_documented):
        room.left(left)


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
