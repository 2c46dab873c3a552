"""What a process asks of the kernel about itself, see prctl(2). Needs nothing but the standard library."""

import contextlib
import ctypes
import os
import signal
from collections.abc import Iterable, Iterator

_PDEATHSIG, _CHILD_SUBREAPER = 1, 36
_PTRACER, _PTRACER_ANY = 0x59616D61, -1


def die_with_parent() -> None:
    """Have this process killed when the thread that has started it ends."""
    _prctl(_PDEATHSIG, signal.SIGKILL)


def let_anyone_look() -> None:
    """Let every process of the same user look into this one, where Yama asks for that; else not needed."""
    _prctl(_PTRACER, _PTRACER_ANY)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose parent dies, and so the one who has to reap it.

    Else that is the first process of the machine, or of the container, and not each of these reaps.
    """
    _prctl(_CHILD_SUBREAPER, 1)


@contextlib.contextmanager
def adopting() -> Iterator[None]:
    """Adopt orphans for the length of the block; those that were are not given away after it."""
    adopt_orphans()
    try:
        yield
    finally:
        _prctl(_CHILD_SUBREAPER, 0)


def reap(pids: Iterable[int]) -> None:
    """Wait for processes that are this one's children by now; those that are not are left alone."""
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), 0, 0, 0)
