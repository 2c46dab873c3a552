"""What the machine can do to a scenario, and how that shows in errors and in what processes print.

None of it says anything about a rotation or its documentation, so a scenario in which it shows has no result.
Standard library only; who looks is harness/hil/engine/guard.py.
"""

import errno
import os
import signal
from collections.abc import Iterator

NO_THREAD = "can't start new thread"  # Python, where the kernel refuses one
# Signals that no program of an instance sends to itself, and that a kernel or an operator does.
FOREIGN = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGXCPU, signal.SIGXFSZ})
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
SCARCE = {
    errno.ENOSPC: "a disk is full",
    errno.EDQUOT: "a disk quota is used up",
    errno.ENOMEM: "there is no memory left",
    errno.EMFILE: "a process has too many files open",
    errno.ENFILE: "the machine has too many files open",
}
NO_PROCESS = "no more processes or threads can be started"

# What the programs of an instance, and those below them, write where the machine refuses them something.
# Not the text of EAGAIN alone: a socket whose queue is full says that as well.
_PRINTED = (
    *((os.strerror(number), what) for number, what in SCARCE.items()),
    (NO_THREAD, NO_PROCESS),
    ("failed to fork", NO_PROCESS),  # p11-kit server
    ("could not fork", NO_PROCESS),  # PostgreSQL
    ("database or disk is full", SCARCE[errno.ENOSPC]),  # SQLite
    ("MemoryError", SCARCE[errno.ENOMEM]),
    ("p11-kit server was killed", "p11-kit server was killed, which the bench did not order"),
)
# How a client of a token tells that its connection broke, or that a deadline passed (hsm_emulator.wire).
_DOUBTFUL = ("was it killed?", "was the unit killed?", "is the unit paused?")
_INJECTED = frozenset(SCARCE[number] for number in FULL)


def in_text(text: str, *, filled: bool) -> tuple[str, ...]:
    """Return what a text that processes wrote says of the machine.

    ``filled``: a fault has made a disk look full, so that such a text is the bench's own doing.
    """
    found = dict.fromkeys(what for printed, what in _PRINTED if printed in text)
    return tuple(what for what in found if not (filled and what in _INJECTED))


def in_error(error: BaseException) -> str:
    """Return what the machine has refused the bench, by an error or what caused it; empty: nothing known."""
    if isinstance(error, OSError) and error.errno == errno.EAGAIN:  # of a fork; a socket's is a cause at most
        return f"{NO_PROCESS}: {error.strerror}"
    for each in _causes(error):
        if isinstance(each, MemoryError):
            return SCARCE[errno.ENOMEM]
        if isinstance(each, RuntimeError) and NO_THREAD in str(each):
            return NO_PROCESS
        if isinstance(each, OSError) and each.errno in SCARCE:
            where = f": {each.filename}" if each.filename else ""
            return f"{SCARCE[each.errno]}{where}"
    return ""


def doubtful(text: str) -> bool:
    """Whether what was found may be due to a connection that broke or was not served, and not to the keys."""
    return any(said in text for said in _DOUBTFUL)


def death(name: str, code: int | None) -> str:
    """Return in words that a process was ended by a signal from outside; empty where it was not."""
    if code is None or -code not in FOREIGN:
        return ""
    return f"{name} was ended by {signal.Signals(-code).name}, which the bench did not send"


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
