"""The pulse of a worker: how far it was let run, and what became of the clocks meanwhile.

A thread beats; how much later than due each beat comes is time in which the bench stood still: stopped by a
signal, frozen with its machine, or throttled. Every deadline of an instance goes on meanwhile, so what
passed then says nothing. A machine that sleeps stops the monotonic clock, and CLOCK_BOOTTIME tells; what
moves the wall clock against that one has set it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

BEAT_SECONDS = 0.25
STANDS_STILL = 0.5  # this part of the shortest deadline of a client is more than a busy machine takes
JUMP_SECONDS = 1.0  # a clock that is only slewed moves by less in an hour


@dataclass(frozen=True)
class Instant:
    """One moment by three clocks of the kernel, in seconds."""

    monotonic: float
    boot: float
    wall: float


def now() -> Instant:
    """Ask the kernel."""
    return Instant(time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME), time.time())


class Pulse:
    """Beats as long as the process lives, once it is started; ``look`` tells the time.

    ``each`` is called at every beat.
    """

    def __init__(self, look: Callable[[], Instant] = now, each: Callable[[], None] = lambda: None) -> None:
        self._look = look
        self._each = each
        self._lock = threading.Lock()
        self.begin(1.0)

    def start(self) -> None:
        """Have a thread beat."""
        threading.Thread(target=self._run, name="pulse", daemon=True).start()

    def begin(self, deadline: float) -> None:
        """Forget what was; ``deadline``: the shortest that a client has from now on (seconds)."""
        with self._lock:
            self._deadline = deadline
            self._last = self._first = self._look()
            self._late: deque[tuple[float, float]] = deque()
            self._stood = 0.0

    def beat(self) -> None:
        """Note how much later than due this comes."""
        with self._lock:
            instant = self._look()
            late = max(0.0, instant.monotonic - self._last.monotonic - BEAT_SECONDS)
            self._last = instant
            self._late.append((instant.monotonic, late))
            while self._late[0][0] < instant.monotonic - self._deadline:
                self._late.popleft()
            self._stood = max(self._stood, sum(late for _, late in self._late))

    def troubles(self) -> tuple[str, ...]:
        """Return in words what has happened since the beginning."""
        self.beat()
        with self._lock:
            slept = (self._last.boot - self._first.boot) - (self._last.monotonic - self._first.monotonic)
            jump = (self._last.wall - self._first.wall) - (self._last.boot - self._first.boot)
        found = []
        if self._stood > STANDS_STILL * self._deadline:
            found.append(f"the bench stood still for {self._stood:.1f} s")
        if slept > JUMP_SECONDS:
            found.append(f"the machine slept for {slept:.0f} s")
        if abs(jump) > JUMP_SECONDS:
            found.append(f"the wall clock was set by {jump:+.0f} s")
        return tuple(found)

    def _run(self) -> None:
        while True:
            time.sleep(BEAT_SECONDS)
            self.beat()
            self._each()
