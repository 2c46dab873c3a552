"""The identity of a process, by which another one tells later whether it lives still.

A process id alone does not do: it is given again, and means something else in another id space.
"""

import os
from dataclasses import dataclass
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
PID_SPACE = Path("/proc/self/ns/pid")
DEAD = ("Z", "X")  # states of which nothing but the process id is left, until somebody reaps it


@dataclass(frozen=True)
class Owner:
    """A process: boot of the machine, id space, process id, start time in clock ticks since that boot."""

    boot: str
    space: str
    pid: int
    started: int

    def __str__(self) -> str:
        return f"{self.boot} {self.space} {self.pid} {self.started}"

    def may_live(self) -> bool:
        """Whether it lives, or cannot be seen from here."""
        me = current()
        if self.boot != me.boot:
            return False
        return self.space != me.space or _started(self.pid) == self.started


def current() -> Owner:
    """Return the identity of this process."""
    return of(os.getpid())


def of(pid: int) -> Owner:
    """Return the identity of a process in this one's id space."""
    return Owner(BOOT_ID.read_text().strip(), str(PID_SPACE.readlink()), pid, _started(pid) or 0)


def parse(text: str) -> Owner:
    """Read what ``str`` wrote; raises ValueError."""
    boot, space, pid, started = text.split()
    return Owner(boot, space, int(pid), int(started))


def state(pid: int) -> str | None:
    """Return the state letter of a process, such as S, T (stopped) or Z; None where there is none."""
    fields = _fields(pid)
    return fields[0] if fields else None


def _started(pid: int) -> int | None:
    fields = _fields(pid)
    return None if fields is None or fields[0] in DEAD else int(fields[19])


def _fields(pid: int) -> list[str] | None:
    """Return the fields of proc(5) stat from the third on: the name before may hold blanks and brackets."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return stat.rpartition(")")[2].split()
