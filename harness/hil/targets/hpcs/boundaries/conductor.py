"""The conductor: one total order over all boundaries, and the trigger that strikes in it.

Every request, reply and transcript line that crosses a boundary passes through one lock. So an event has a
place in an order that does not depend on the speed of the machine, and while a victim is being killed
nothing else moves: the event is parked, the victim dies, then the rest goes on.

A transcript line is read when it is written, not when the bench finds time for it: before any other event
is admitted the terminal is drained, and a process that wrote a line before it sent a request has its line
ordered first. That makes "killed right after message 1" exact without touching the writer.

A request counts only if it comes from the living incarnation of its client, told by the process id that the
kernel gives for its socket. A killed process may have sent a request that nobody has read yet; a bench that
took it for its successor's would strike, or forward, something that no one has sent. Nor does the reply to a
client that is gone.

Rejected: a queue that a single thread works off. The parked thread is the fault; it must be able to wait
inside the exchange that it holds up.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from hil.model.events import Event
from hil.model.faults import (
    BLINDING,
    EXPIRED,
    KILLS,
    EventClass,
    Fault,
    FaultKind,
    Process,
    When,
    does_something,
)
from hil.targets.hpcs.boundaries.crossing import Crossing, Passage, with_error
from hil.targets.hpcs.boundaries.striker import Drained, Striker
from hil.targets.hpcs.model.evidence import MESSAGE_1, MESSAGE_2
from hil.targets.hpcs.model.processes import TKE

# Every transcript line is an event; the two literal messages are events of their own as well.
LINE = "line"
# A command that the operator types begins with an event that no fault can wait for.
TYPED = "typed"
SQL_COMMIT = "sql-commit"
MESSAGES = (("message1", MESSAGE_1), ("message2", MESSAGE_2))


class Conductor:
    """Orders the events of one rig and strikes the faults of the scenario that runs on it."""

    def __init__(self, striker: Striker) -> None:
        self._striker = striker
        self._lock = threading.RLock()
        self._alive: dict[Process, int] = {}
        self.begin(())

    def begin(self, faults: Sequence[Fault]) -> None:
        """Forget everything and wait for the first of ``faults``."""
        with self._lock:
            self._faults = tuple(faults)
            self._fired = self._stage = 0
            self._counts: Counter[str] = Counter()
            self._dead: set[Process] = set()
            self._paused: set[Process] = set()
            self._under_way: set[Crossing] = set()
            self._start = time.monotonic()
            self._terminal: Drained | None = None
            self.over = self._aside = False
            self.error: Exception | None = None
            self.broken: list[str] = []
            self.events: list[Event] = []

    def go_on(self, faults: Sequence[Fault], events: Sequence[Event]) -> None:
        """Begin at rest after the first of ``faults``, with the events that were seen until then."""
        with self._lock:
            self.begin(faults)
            self._fired = self._stage = 1
            self.events = list(events)
            self._counts.update({_counted(event): event.ordinal for event in events if event.stage == 1})
            self._start -= events[-1].seconds

    def next_stage(self) -> None:
        """Begin the next recovery: ordinals count from one again and the next fault is armed."""
        with self._lock:
            self._stage += 1
            self._counts.clear()

    def adjourn(self) -> None:
        """From now on nothing is an event: what the oracle does is no part of a recovery."""
        self.over = True

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Meanwhile nothing is an event: what the bench looks up at rest is no part of a recovery either."""
        self._aside = True
        try:
            yield
        finally:
            self._aside = False

    @property
    def adjourned(self) -> bool:
        """Whether nothing is an event now, for good (``over``) or for a while."""
        return self.over or self._aside

    @property
    def fired(self) -> tuple[bool, ...]:
        """For each fault whether it has struck."""
        return tuple(index < self._fired for index in range(len(self._faults)))

    def struck(self, stage: int) -> bool:
        """Whether the fault of this stage has struck."""
        return self._fired > stage

    @property
    def dead(self) -> frozenset[Process]:
        """Processes that a fault has killed and nobody has started again."""
        return frozenset(self._dead)

    @property
    def paused(self) -> frozenset[Process]:
        """Processes that a fault has stopped and nobody has continued."""
        return frozenset(self._paused)

    def resumed(self, process: Process) -> None:
        """Say that ``process`` goes on."""
        with self._lock:
            self._paused.discard(process)

    @contextmanager
    def under_way(self, crossing: Crossing) -> Iterator[None]:
        """Know of a request from when it is let through until its reply is admitted, or it has failed."""
        with self._lock:
            self._under_way.add(crossing)
        try:
            yield
        finally:
            with self._lock:
                self._under_way.discard(crossing)

    def has_answered(self, process: Process) -> bool:
        """Whether nothing is under way to ``process`` any more."""
        with self._lock:
            return all(crossing.server != process for crossing in self._under_way)

    def start(self, process: Process, starter: Callable[[], int]) -> None:
        """Call ``starter``, which starts ``process`` and returns its process id, while nothing moves."""
        with self._lock:
            self._alive[process] = starter()
            self._dead.discard(process)

    def ended(self, process: Process) -> None:
        """Say that ``process`` has ended by itself: nobody gets what is still on its way to it."""
        with self._lock:
            self._alive.pop(process, None)

    def revive(self, process: Process) -> None:
        """Say that a process that is no client of any boundary was started again."""
        with self._lock:
            self._dead.discard(process)

    def watch(self, terminal: Drained | None) -> None:
        """Drain this terminal before admitting any event."""
        with self._lock:
            self._terminal = terminal

    def lost(self, crossing: Crossing) -> None:
        """Note that no reply came to ``crossing`` as its connection broke, where no fault was why."""
        with self._lock:
            if not (self._an_end_is_dead(crossing) or self.adjourned):
                self.broken.append(f"the connection of {crossing.client} to {crossing.server} broke")

    def drain(self) -> None:
        """Collect the lines that stand in the pipe now."""
        with self._lock:
            if self._terminal:
                self._terminal.drain()

    def before(self, boundary: EventClass, name: str, client: Process, server: Process, pid: int) -> Crossing:
        """Admit a request: order it, strike if it is the crash point, and say what becomes of it.

        ``pid`` is the process id of whoever opened the connection.
        """
        with self._lock:
            self.drain()
            if (self._dead and client in self._dead) or pid != self._alive.get(client):
                return Crossing(boundary, name, 0, client, server, pid, Passage.DROP)
            if self.adjourned:
                return Crossing(boundary, name, 0, client, server, pid)
            self._counts[name] += 1
            crossing = Crossing(boundary, name, self._counts[name], client, server, pid)
            fault = self._note(crossing, When.BEFORE)
            if client in self._dead:
                return replace(crossing, passage=Passage.DROP)
            return with_error(crossing, fault)

    def after(self, crossing: Crossing) -> Crossing:
        """Admit the reply to ``crossing``; DROP where it is lost, or an end of it has died."""
        with self._lock:
            self.drain()
            gone = crossing.pid != self._alive.get(crossing.client)
            if gone or self._an_end_is_dead(crossing):
                return replace(crossing, passage=Passage.DROP)
            if self.adjourned:
                return crossing
            fault = self._note(crossing, When.AFTER)
            lost = fault is not None and fault.kind is FaultKind.LOST
            if lost or self._an_end_is_dead(crossing):
                return replace(crossing, passage=Passage.DROP)
            return with_error(crossing, fault)

    def _an_end_is_dead(self, crossing: Crossing) -> bool:
        return bool(self._dead) and not self._dead.isdisjoint((crossing.client, crossing.server))

    def system_call(self, process: Process, name: str, path: str) -> Passage:
        """Admit a durable system call that ``process`` is about to make; ERROR means ENOSPC."""
        if self.adjourned:
            return Passage.FORWARD
        with self._lock:
            self.drain()
            if process in self._dead:
                return Passage.DROP
            boundary = EventClass.SQL if name == SQL_COMMIT else EventClass.SYSCALL
            self._counts[own := f"{process} {name}"] += 1
            ordinal = self._counts[own]
            fault = self._note(Crossing(boundary, name, ordinal, process, process), When.BEFORE, path)
            if process in self._dead:
                return Passage.DROP
            return Passage.ERROR if fault and fault.kind is FaultKind.FULL else Passage.FORWARD

    def typed(self, command: str) -> None:
        """Order the start of a command."""
        with self._lock:
            self._counts[TYPED] += 1
            crossing = Crossing(EventClass.TRANSCRIPT, TYPED, self._counts[TYPED], TKE, TKE)
            self._note(crossing, When.BEFORE, command)

    def line(self, text: str) -> bool:
        """Order a transcript line, and once more under its own name where it is one of the messages.

        False where the command has died of it: what it printed afterwards was never seen.
        """
        with self._lock:
            for name in (LINE, *(name for name, pattern in MESSAGES if pattern.search(text))):
                self._counts[name] += 1
                crossing = Crossing(EventClass.TRANSCRIPT, name, self._counts[name], TKE, TKE)
                self._note(crossing, When.AFTER, text)
            return TKE not in self._dead

    def _note(self, crossing: Crossing, when: When, text: str = "") -> Fault | None:
        """Write an event down, and strike where a fault waits for it; return the fault that struck."""
        elapsed = time.monotonic() - self._start
        place = (crossing.boundary, crossing.name, crossing.ordinal)
        ends = (crossing.client, crossing.server)
        self.events.append(Event(len(self.events) + 1, self._stage, elapsed, *place, when, *ends, text))
        armed = self._faults[self._fired] if self._fired < len(self._faults) else None
        if armed is None or self._fired != self._stage or not _at(armed, crossing, when):
            return None
        return armed if self._strike(armed, crossing.client) else None

    def _strike(self, fault: Fault, client: Process) -> bool:
        try:
            if fault.kind in BLINDING:
                self._striker.blind(fault.kind)
            if fault.kind in KILLS:
                self._striker.kill(fault.victim)
                self._dead.add(fault.victim)
            elif fault.kind is FaultKind.HANG:
                self._striker.pause(fault.victim)
                self._paused.add(fault.victim)
            elif fault.detail == EXPIRED and client == TKE:
                self._striker.expire()
        except Exception as error:
            self.error = error
            return False
        self._fired += 1
        return True


def _counted(event: Event) -> str:
    """Return the name under which events like this one are counted."""
    own = event.boundary in (EventClass.SYSCALL, EventClass.SQL)
    return f"{event.client} {event.name}" if own else event.name


def _at(fault: Fault, crossing: Crossing, when: When) -> bool:
    """Whether a fault waits for this event, and does something at it; else it would fire and change nothing.

    System calls are counted for each process, so it must match.
    """
    if (fault.event, fault.ordinal, fault.when) != (crossing.name, crossing.ordinal, when):
        return False
    own = crossing.boundary in (EventClass.SYSCALL, EventClass.SQL)
    return (not own or fault.victim == crossing.client) and does_something(
        fault.kind, fault.detail, crossing.boundary, when
    )
