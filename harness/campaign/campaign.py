"""A campaign: a frozen plan, workers with a rig each, results as they come, and the gate at the end."""

import multiprocessing
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from harness.campaign import janitor, worker
from harness.campaign.profiles import Profile
from harness.campaign.rundir import Record, RunDir
from harness.campaign.worker import Bench, Order, Played
from harness.model.scenario import Result, Scenario, not_judged
from harness.model.verdicts import Gate, Verdict, gate
from harness.procedures import load
from harness.rig.golden import Golden

SCENARIO_SECONDS = 240.0
CLOSE_SECONDS = 60.0
AUDIT_EVERY = 20  # one scenario in so many is played twice
# spawn, not fork: the parent has threads, and a forked child would inherit their locks.
_context = multiprocessing.get_context("spawn")

Told = Callable[[int, int, Result], None]
Chosen = Callable[[Sequence[Scenario]], Sequence[Scenario]]


@dataclass
class _Seat:
    """A worker process, the pipe to it, and what it plays now."""

    name: str
    process: SpawnProcess
    pipe: Connection
    order: Order | None = None
    deadline: float = 0.0


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
    """What a campaign found; ``differing`` are ids of scenarios that the audit saw end differently."""

    gate: Gate
    results: tuple[Result, ...]
    differing: tuple[str, ...]
    seconds: float


@dataclass
class Campaign:
    """Plays a profile's plan, or the plan that its run directory holds already, on ``jobs`` workers.

    ``chosen`` narrows a new plan down; ``told`` hears of every result as it comes.
    """

    bench: Bench
    rundir: RunDir
    name: str
    profile: Profile
    jobs: int
    told: Told
    chosen: Chosen = tuple
    shard: Shard = field(default_factory=Shard)
    _seats: list[_Seat] = field(default_factory=list)
    _seated: int = 0
    _leash: Connection = field(init=False)

    def __post_init__(self) -> None:
        self._leash = janitor.post(self.bench.root)

    def run(self) -> Outcome:
        """Run to the end. Interrupted: everything is stopped and removed, results so far are kept."""
        start = time.monotonic()
        try:
            plan = self.rundir.plan()
            golden, recording = worker.prepare(self.bench, recorded=plan is None)
            if plan is None:
                plan = tuple(self.chosen(tuple(self.profile.plan(recording, self.bench.shape))))
                self.rundir.write_plan(plan)
            return self._finish(start, plan, self._play_all(golden, plan))
        finally:
            self._close()
            shutil.rmtree(self.bench.root, ignore_errors=True)
            self._leash.close()

    def _play_all(self, golden: Golden, plan: Sequence[Scenario]) -> tuple[str, ...]:
        """Play what has no result yet and return the ids in which the audit found a difference."""
        done = self.rundir.results()
        ours = [number for number in range(1, len(plan) + 1) if self.shard.holds(number)]
        orders = [
            Order(number, plan[number - 1], audit=number % AUDIT_EVERY == 0)
            for number in ours
            if number not in done
        ]
        differing = []
        finished = len(ours) - len(orders)
        for played in self._play(golden, orders):
            self.rundir.add_result(played.number, played.result)
            if played.difference:
                differing.append(played.result.scenario.id)
                self.rundir.write_difference(played.number, played.difference)
            finished += 1
            self.told(finished, len(ours), played.result)
        return tuple(differing)

    def _finish(self, start: float, plan: Sequence[Scenario], differing: tuple[str, ...]) -> Outcome:
        records = self.rundir.results()
        ordered = [records[number] for number in sorted(records)]
        results = tuple(map(Result.from_record, ordered))
        planned = sum(self.shard.holds(number) for number in range(1, len(plan) + 1))
        pairs = [(result.verdict, result.scenario.expected) for result in results]
        verdict = gate(pairs, planned, repeatable=not differing)
        outcome = Outcome(verdict, results, differing, time.monotonic() - start)
        head = {"profile": self.name, "shard": str(self.shard), "planned": planned, "total": len(plan)}
        self.rundir.write_campaign(head | summary(self.bench, outcome), ordered)
        return outcome

    def _play(self, golden: Golden, orders: list[Order]) -> Iterator[Played]:
        waiting = orders[::-1]
        for _ in range(min(self.jobs, len(waiting))):
            self._hire(golden)
        while waiting or any(seat.order for seat in self._seats):
            for seat in self._seats:
                if seat.order is None and waiting:
                    seat.order = waiting.pop()
                    seat.deadline = time.monotonic() + SCENARIO_SECONDS
                    seat.pipe.send(seat.order)
            yield from self._collect(golden)

    def _collect(self, golden: Golden) -> Iterator[Played]:
        """Wait for an answer, a deadline or a dead worker, whichever comes first."""
        busy = [seat for seat in self._seats if seat.order]
        left = max(0.0, min(seat.deadline for seat in busy) - time.monotonic())
        ready = wait([seat.pipe for seat in busy], timeout=left)
        for seat in busy:
            if seat.pipe in ready:
                yield self._answer(seat, golden)
            elif time.monotonic() >= seat.deadline:
                yield self._replace(seat, golden, f"not finished within {SCENARIO_SECONDS:g} s")

    def _answer(self, seat: _Seat, golden: Golden) -> Played:
        try:
            played: Played = seat.pipe.recv()
        except (EOFError, ConnectionResetError):
            return self._replace(seat, golden, "the worker died")
        seat.order = None
        return played

    def _replace(self, seat: _Seat, golden: Golden, why: str) -> Played:
        """Put a new worker in the place of one that is lost; its scenario is not tried again."""
        order = seat.order
        if order is None:
            raise AssertionError
        self._dismiss(seat)
        self._hire(golden)
        kind = load.builtin(order.scenario.procedure).kind
        return Played(order.number, not_judged(order.scenario, kind, why))

    def _hire(self, golden: Golden) -> None:
        name = f"w{self._seated}"
        self._seated += 1
        ours, theirs = _context.Pipe()
        process = _context.Process(
            target=worker.work, args=(self.bench, name, golden, theirs, self._leash), name=name
        )
        process.start()
        theirs.close()
        self._seats.append(_Seat(name, process, ours))

    def _dismiss(self, seat: _Seat) -> None:
        seat.pipe.close()
        seat.process.terminate()
        seat.process.join(CLOSE_SECONDS)
        if seat.process.is_alive():
            seat.process.kill()
            seat.process.join(CLOSE_SECONDS)
        self._seats.remove(seat)

    def _close(self) -> None:
        for seat in self._seats:
            seat.process.terminate() if seat.order else seat.pipe.close()
        for seat in list(self._seats):
            if not seat.order:
                seat.process.join(CLOSE_SECONDS)
            self._dismiss(seat)


def summary(bench: Bench, outcome: Outcome) -> Record:
    """Return the head of campaign.json as far as it follows from the bench and the results."""
    shape = bench.shape
    return {
        "backend": "docker" if bench.image else "process",
        "keystore": "sqlite",
        "units": {
            "operational": shape.operational,
            "recovery": shape.recovery,
            "failover": shape.failover,
        },
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
    }
