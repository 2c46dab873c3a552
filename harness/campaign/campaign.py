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

from harness.campaign import worker
from harness.campaign.rundir import RunDir
from harness.campaign.worker import Bench, Order, Played
from harness.model.scenario import Result, Scenario, not_judged
from harness.model.verdicts import Gate, Verdict, gate
from harness.procedures import load
from harness.rig.golden import Golden

SCENARIO_SECONDS = 240.0
CLOSE_SECONDS = 60.0
# spawn, not fork: the parent has threads, and a forked child would inherit their locks.
_context = multiprocessing.get_context("spawn")

Told = Callable[[int, int, Result], None]


@dataclass
class _Seat:
    """A worker process, the pipe to it, and what it plays now."""

    name: str
    process: SpawnProcess
    pipe: Connection
    order: Order | None = None
    deadline: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What a campaign found."""

    gate: Gate
    results: tuple[Result, ...]
    seconds: float


@dataclass
class Campaign:
    """Runs ``scenarios`` on ``jobs`` workers; ``told`` hears of every result as it comes."""

    bench: Bench
    rundir: RunDir
    profile: str
    scenarios: Sequence[Scenario]
    jobs: int
    told: Told
    _seats: list[_Seat] = field(default_factory=list)
    _seated: int = 0

    def run(self) -> Outcome:
        """Run to the end. Interrupted: everything is stopped and removed, results so far are kept."""
        start = time.monotonic()
        try:
            self.rundir.write_plan(self.scenarios)
            golden = worker.make_golden(self.bench)
            results: dict[int, Result] = {}
            for played in self._play(golden):
                results[played.number] = played.result
                self.rundir.add_result(played.result)
                self.told(len(results), len(self.scenarios), played.result)
            ordered = tuple(results[number] for number in sorted(results))
            seconds = time.monotonic() - start
            pairs = ((result.verdict, result.scenario.expected) for result in ordered)
            outcome = Outcome(gate(pairs, len(self.scenarios)), ordered, seconds)
            self.rundir.write_campaign(self._head(outcome), ordered)
            return outcome
        finally:
            self._close()
            shutil.rmtree(self.bench.root, ignore_errors=True)

    def _play(self, golden: Golden) -> Iterator[Played]:
        orders = [Order(number, scenario) for number, scenario in enumerate(self.scenarios, start=1)]
        orders.reverse()
        for _ in range(min(self.jobs, len(orders))):
            self._hire(golden)
        while orders or any(seat.order for seat in self._seats):
            for seat in self._seats:
                if seat.order is None and orders:
                    seat.order = orders.pop()
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
        process = _context.Process(target=worker.work, args=(self.bench, name, golden, theirs), name=name)
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

    def _head(self, outcome: Outcome) -> dict[str, Any]:
        shape = self.bench.shape
        verdicts = Counter(str(result.verdict) for result in outcome.results)
        faults = [fired for result in outcome.results for fired in result.fired]
        return {
            "gate": str(outcome.gate),
            "profile": self.profile,
            "backend": "docker" if self.bench.image else "process",
            "keystore": "sqlite",
            "units": {
                "operational": shape.operational,
                "recovery": shape.recovery,
                "failover": shape.failover,
            },
            "keys": shape.keys,
            "seconds": round(outcome.seconds, 3),
            "scenarios_per_second": round(len(outcome.results) / outcome.seconds, 3),
            "verdicts": {str(verdict): verdicts[str(verdict)] for verdict in Verdict},
            "crash_points": {"enumerated": len(faults), "fired": sum(faults)},
        }
