"""The standard streams of a command, whatever the shell has made of them."""

import io
import locale
import os
import select
import sys
from contextlib import suppress

STREAMS = ("stdin", "stdout", "stderr")


def prepare() -> None:
    """Open what is closed, and let no character be one that a stream cannot show.

    A file that the bench opens would else get the number of a standard stream, and its children write to it.
    """
    for number, name in enumerate(STREAMS):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # takes the lowest number that is free
            setattr(sys, name, open(number, "r" if name == "stdin" else "w", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def in_utf8() -> None:
    """Begin this program again where files would be read and written in another encoding than UTF-8.

    Its children have to agree, so this is not left to each place that opens a file.
    """
    if not sys.flags.utf8_mode and locale.getencoding().lower() not in {"utf-8", "utf8"}:
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 no shell is wanted


def nobody_reads() -> bool:
    """Whether standard output is a pipe whose other end has gone."""
    poll = select.poll()
    poll.register(1, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def say(text: str) -> None:
    """Print a line to standard error, if anybody can have it: no exit code may depend on that."""
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def broken_output() -> str:
    """Return ``standard output`` where it takes no more of what is to be written, else nothing.

    It is tried with one more line, because nothing waits to be written where output is not buffered.
    """
    try:
        sys.stdout.flush()
        os.write(1, b"\n")
    except (OSError, ValueError):
        return "standard output"
    return ""


def let_go() -> None:
    """Write what the standard streams still hold, or to nowhere where they do not take it.

    The interpreter would try again at its end, and make of that a complaint and an exit code of its own.
    """
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, number)
            os.close(nowhere)
            with suppress(OSError, ValueError):
                stream.flush()
