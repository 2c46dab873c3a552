"""All that a process has started, however far it has run from it: found, ended, and taken leave of.

Whoever leaves his group, his session and his parent still has an ancestor: the kernel makes the nearest
subreaper (prctl.py) the parent of a process that has lost its own. Rejected: a control group. Not every
machine lets one be made, and in containers hardly any.
"""

import contextlib
import os
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

LOOK_AGAIN_SECONDS = 0.01
NAME_MAX = 60
DEAD = ("Z", "X")  # states of proc(5) of which nothing but the process id is left


def living(pid: int) -> tuple[int, ...]:
    """Return the ids of all processes below ``pid`` that have not ended, parents before their children."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    dead = set()
    for child, parent, state in _processes():
        children[parent].append(child)
        if state in DEAD:
            dead.add(child)
    found = list(children[pid])
    for one in found:  # grows meanwhile
        found += children[one]
    return tuple(one for one in found if one not in dead)


def name(pid: int) -> str:
    """Return the words of a process, cut to a length that fits a line, and its id."""
    words = b""
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ")
        words = words or Path(f"/proc/{pid}/comm").read_bytes().strip()
    return f"{os.fsdecode(words)[:NAME_MAX] or 'a program'} (process {pid})"


def reap() -> dict[int, int]:
    """Take leave of every child that has ended; return exit codes by id, negative: the signal."""
    codes = {}
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            codes[pid] = os.waitstatus_to_exitcode(status)
    return codes


def alone() -> bool:
    """Whether this process has no child any more, dead or alive."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


def end(seconds: float) -> dict[int, int]:
    """Kill everyone below this process, which has to be a subreaper, and return what ``reap`` does.

    Raises TimeoutError where somebody is left after ``seconds``; the text names who.
    """
    deadline = time.monotonic() + seconds
    codes = reap()
    while not alone():
        if time.monotonic() >= deadline:
            raise TimeoutError(", ".join(map(name, living(os.getpid()))) or "a process")
        for pid in living(os.getpid()):  # its own child or that of one: the id cannot be another's meanwhile
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(LOOK_AGAIN_SECONDS)
        codes |= reap()
    return codes


def _processes() -> Iterator[tuple[int, int, str]]:
    """Yield id, parent and state of every process of this id space."""
    for entry in os.listdir("/proc"):  # noqa: PTH208 - many, and names are all that is wanted
        if entry.isdecimal():
            with contextlib.suppress(OSError):
                stat = Path(f"/proc/{entry}/stat").read_text(errors="replace")
                state, parent, *_ = stat.rpartition(")")[2].split()
                yield int(entry), int(parent), state
