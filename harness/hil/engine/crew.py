"""The crew: worker processes that take orders, each with a place of its own.

A worker that dies or hangs is replaced, and so is one that the machine has disturbed, as nobody knows what
that has left of its place. Its order is given out once more, from the golden state on: no step of a rotation
is tried again by that. The second time it is answered with Lost, as the scenario may be what killed the
worker.
"""

import itertools
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from hil.engine import worker
from hil.engine.orders import Answer, Disturbed, Lost, Order
from hil.engine.target import Places
from hil.model.machine import death
from hil.model.scenario import Scenario

ORDER_SECONDS = 240.0
BATCH_MAX = 16  # so that the last batch does not keep one worker busy while the others are done
CLOSE_SECONDS = 60.0
# spawn, not fork: the parent has threads, and a forked child would inherit their locks.
_context = multiprocessing.get_context("spawn")


@dataclass
class _Seat:
    """A worker process, the pipe to it, what it works on now, and what it is given next."""

    process: SpawnProcess
    pipe: Connection
    order: Order | None = None
    deadline: float = 0.0
    batch: list[Order] = field(default_factory=list)


class Crew:
    """Up to ``jobs`` workers on one golden state."""

    def __init__(self, places: Places, golden: object, jobs: int) -> None:
        self._places = places
        self._golden = golden
        self._jobs = jobs
        self._seats: list[_Seat] = []
        self._hired = 0

    def work(self, orders: Sequence[Order]) -> Iterator[Answer]:
        """Have all orders carried out; yield the answers as they come."""
        waiting = batches(orders, self._places.set_apart)[::-1]
        while len(self._seats) < min(self._jobs, len(waiting)):
            self._hire()
        while waiting or any(seat.order or seat.batch for seat in self._seats):
            for seat in list(self._seats):
                if seat.order is None and (seat.batch or waiting):
                    self._give(seat, seat.batch or waiting.pop())
            yield from self._collect()

    def close(self) -> None:
        """Dismiss all workers; those in the middle of something are ended at once."""
        for seat in self._seats:
            seat.process.terminate() if seat.order else seat.pipe.close()
        for seat in list(self._seats):
            if not seat.order:
                seat.process.join(CLOSE_SECONDS)
            self._dismiss(seat)

    def _collect(self) -> Iterator[Answer]:
        """Wait for an answer, a deadline or a dead worker, whichever comes first."""
        busy = [seat for seat in self._seats if seat.order]
        left = max(0.0, min(seat.deadline for seat in busy) - time.monotonic())
        ready = wait([seat.pipe for seat in busy], timeout=left)
        for seat in busy:
            if seat.pipe in ready:
                yield from self._answer(seat)
            elif time.monotonic() >= seat.deadline:
                yield from self._replace(seat, (f"it was not finished within {ORDER_SECONDS:g} s",))

    def _give(self, seat: _Seat, batch: list[Order]) -> None:
        """Give a worker the first of its orders; one that has died with nothing to do has not begun it."""
        order, *left = batch
        try:
            seat.pipe.send(order)
        except OSError:
            self._discard(seat)
            seat = self._hire()
            seat.pipe.send(order)
        seat.order, seat.batch = order, left
        seat.deadline = time.monotonic() + ORDER_SECONDS

    def _answer(self, seat: _Seat) -> Iterator[Answer]:
        """Yield what a worker has to say, unless that is to be tried once more."""
        try:
            answer: Answer | Disturbed = seat.pipe.recv()
        except (EOFError, OSError):  # the latter where it died while it answered
            seat.process.join(CLOSE_SECONDS)
            ended = death(seat.process.name, seat.process.exitcode)
            yield from self._replace(seat, (ended or f"{seat.process.name} died",))
            return
        if isinstance(answer, Disturbed):
            yield from self._replace(seat, answer.by)
            return
        seat.order = None
        yield answer

    def _replace(self, seat: _Seat, why: tuple[str, ...]) -> Iterator[Lost]:
        """Have another worker do what this one has left, and its order once more where that was the first."""
        order = seat.order
        if order is None:
            raise AssertionError
        self._discard(seat)
        again = [] if order.disturbed else [replace(order, disturbed=why)]
        self._hire().batch = [*again, *seat.batch]
        if not again:
            yield Lost(order.number, order.scenario, "; ".join(why), (*order.disturbed, *why))

    def _hire(self) -> _Seat:
        name = f"w{self._hired}"
        self._hired += 1
        ours, theirs = _context.Pipe()
        arguments = (self._places, name, self._golden, theirs)
        process = _context.Process(target=worker.work, args=arguments, name=name)
        process.start()
        theirs.close()
        seat = _Seat(process, ours)
        self._seats.append(seat)
        return seat

    def _discard(self, seat: _Seat) -> None:
        """Dismiss a worker that is lost, and remove what it could not remove itself."""
        self._dismiss(seat)
        self._places.tidy(seat.process.name)

    def _dismiss(self, seat: _Seat) -> None:
        seat.pipe.close()
        seat.process.terminate()
        seat.process.join(CLOSE_SECONDS)
        if seat.process.is_alive():
            seat.process.kill()
            seat.process.join(CLOSE_SECONDS)
        self._seats.remove(seat)


def batches(orders: Sequence[Order], set_apart: Callable[[Scenario], bool]) -> list[list[Order]]:
    """Divide orders into those that one worker gets one after the other, as they begin alike.

    Not alike are scenarios that are set apart and those that are not. The former come last: where that
    changes a place is made anew, 180 times in 1453 scenarios as planned.
    """

    def apart(order: Order) -> bool:
        return set_apart(order.scenario)

    dealt = []
    for _, group in itertools.groupby(orders, lambda order: (order.scenario.flow, order.scenario.faults[:1])):
        for _, same in itertools.groupby(sorted(group, key=apart), apart):
            alike = list(same)
            for at in range(0, len(alike), BATCH_MAX):
                *ahead, last = alike[at : at + BATCH_MAX]
                dealt.append([*(replace(order, followed=True) for order in ahead), last])
    return sorted(dealt, key=lambda batch: apart(batch[0]))
