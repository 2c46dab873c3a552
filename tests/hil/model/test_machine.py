"""What errors and texts say of the machine."""

import errno
import os
import signal

import pytest

from hil.model import machine


def _caused(cause: BaseException) -> Exception:
    error = ValueError("what the caller makes of it")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/scratch/x"), "a disk is full: /scratch/x"),
        (_caused(OSError(errno.EDQUOT, "Disk quota exceeded")), "a disk quota is used up"),
        (BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)), machine.NO_PROCESS),
        (_caused(RuntimeError("can't start new thread")), machine.NO_PROCESS),
        (MemoryError(), "there is no memory left"),
        (OSError(errno.EMFILE, "Too many open files"), "a process has too many files open"),
        (
            _caused(BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))),
            "",
        ),  # a socket
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), ""),
        (RuntimeError("dictionary changed size"), ""),
    ],
)
def test_errors(error: Exception, told: str) -> None:
    """What the kernel refuses for want of something is the machine's, whatever was made of it since."""
    said = machine.in_error(error)
    assert said.startswith(told) if told else said == ""


@pytest.mark.parametrize(
    ("text", "filled", "told"),
    [
        ("RuntimeError: can't start new thread", False, (machine.NO_PROCESS,)),
        (
            "p11-kit: failed to fork for accept",
            False,
            (machine.NO_PROCESS,),
        ),
        ("[Errno 28] No space left on device: 'state.json'", False, ("a disk is full",)),
        ("[Errno 28] No space left on device: 'state.json'", True, ()),  # a fault said so
        ("sqlite3.OperationalError: database or disk is full", True, ()),
        ("[Errno 11] Resource temporarily unavailable", False, ()),
        ("KMS CRK rewrap successful", False, ()),
    ],
)
def test_texts(text: str, *, filled: bool, told: tuple[str, ...]) -> None:
    """What the processes of an instance print of want is the machine's, unless a fault has feigned it."""
    assert machine.in_text(f"before\n{text}\nafter", filled=filled) == told


@pytest.mark.parametrize("code", [None, 0, 1, -signal.SIGSEGV, -signal.SIGABRT])
def test_ends_that_are_the_programs_own(code: int | None) -> None:
    """A program that runs, exits or crashes tells of itself, not of the machine."""
    assert machine.death("kms", code) == ""


@pytest.mark.parametrize("number", sorted(machine.FOREIGN))
def test_ends_from_outside(number: int) -> None:
    """A signal that only others send is named."""
    name = signal.Signals(number).name
    assert machine.death("kms", -number) == f"kms was ended by {name}, which the bench did not send"
