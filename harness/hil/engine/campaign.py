"""A campaign: a frozen plan, workers with a place each, results as they come, and the gate at the end."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Generic

from hil.engine import asked
from hil.engine.crew import Crew
from hil.engine.orders import PROBE, Answer, Full, Lost, Order, Played, Probed, Task
from hil.engine.phases import OnPhase, Phase, ignore_phase
from hil.engine.plan import Origin
from hil.engine.results import AUDIT_EVERY, Results
from hil.engine.room import Room
from hil.engine.rundir import RunDir
from hil.engine.space import NoSpace
from hil.engine.target import Chosen, Judged, Target
from hil.model.probe import Probe
from hil.model.scenario import Result, Scenario

OnResult = Callable[[int, int, Result], None]


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
class Campaign(Generic[Judged]):
    """Plays a target's plan, or the plan that its run directory holds already, on ``jobs`` workers.

    ``chosen`` narrows a new plan down; ``on_result`` hears of every result as it comes, ``entered`` of each
    phase.
    """

    target: Target[Judged]
    rundir: RunDir
    jobs: int
    on_result: OnResult
    chosen: Chosen = tuple
    shard: Shard = field(default_factory=Shard)
    entered: OnPhase = ignore_phase
    probes: tuple[Probe, ...] | None = None  # they are asked first
    _came: int = 0  # that have come since it began

    def run(self) -> Judged:
        """Run to the end. Interrupted: everything is stopped, results so far are kept."""
        start = time.monotonic()
        plan = self.rundir.plan()
        prepared = self.target.prepare(self.entered, recorded=plan is None)
        prepared.room.for_rigs(self.jobs)
        with closing(Crew(self.target.places, prepared.golden, self.jobs)) as crew:
            if plan is None:
                plan, origin = self._plan(crew, prepared.recording)
                self.rundir.write_plan(plan, origin)
            self.rundir.point_latest()
            self._play(crew, plan, prepared.room)
        return self._finish(start, plan)

    def plan(self) -> tuple[tuple[Scenario, ...], Origin]:
        """Only make the plan, and return it with what it is made for."""
        prepared = self.target.prepare(self.entered, recorded=True)
        prepared.room.for_rigs(self.jobs)
        with closing(Crew(self.target.places, prepared.golden, self.jobs)) as crew:
            return self._plan(crew, prepared.recording)

    def _plan(self, crew: Crew, recording: object) -> tuple[tuple[Scenario, ...], Origin]:
        self.entered(Phase.PLANNING)
        return self.target.plan(recording, crew, self.chosen)

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
            self.on_result(finished, len(ours), played.result)

    def _result(self, answer: Answer) -> Played:
        """Return what was played; what the bench has lost has a result that says so."""
        if isinstance(answer, Played):
            return answer
        if not isinstance(answer, Lost):
            raise TypeError(f"a worker answered {answer} to an order to play")
        return Played(answer.number, self.target.lost(answer))

    def _finish(self, start: float, plan: Sequence[Scenario]) -> Judged:
        stored = self.rundir.results()
        records = [stored[number] for number in sorted(stored)]
        planned = sum(self.shard.holds(number) for number in range(1, len(plan) + 1))
        judgement = self.target.judge(
            Results(
                plan=plan,
                planned=planned,
                origin=self.rundir.origin(),
                records=records,
                differing=tuple(stored[number]["id"] for number in self.rundir.differences()),
                probes=self.probes or (),
                seconds=time.monotonic() - start,
                played=self._came,
            )
        )
        head = {
            "profile": self.target.name,
            "shard": str(self.shard),
            "planned": planned,
            "total": len(plan),
        }
        self.rundir.write_campaign(head | self.target.head(judgement), records)
        return judgement


def _look(answer: Answer, room: Room, left: int) -> None:
    """Raise NoSpace where a full disk may be why a scenario, of which so many are left, went wrong."""
    if isinstance(answer, Full):
        raise NoSpace(f"{answer.text}; it needs {room.purpose(left)}")
    if isinstance(answer, Lost) or (isinstance(answer, Played) and not answer.result.as_documented):
        room.left(left)
