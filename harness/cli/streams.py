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


def abandon() -> None:
    """Write what standard output still holds to nowhere: nobody reads it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    with suppress(OSError, ValueError):
        sys.stdout.flush()
