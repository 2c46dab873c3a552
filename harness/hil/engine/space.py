"""Room on the file systems that the bench writes to.

A disk that is full shows in whatever happens to write next: a crypto unit that does not come up, a rotation
that breaks off, a result that is cut short. None of that is the instance's fault, so whoever sees something
go wrong looks here first.
"""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
LEAST_BYTES = 1 << 20  # with less than this on a file system nobody knows what could still be written
_BLOCK_BYTES = 512  # of st_blocks, whatever the file system has
_MEGA = 1 << 20


class NoSpace(Exception):
    """A file system is full; the text says where, how much is needed, and what to do."""


def used(folder: Path) -> int:
    """Return how many bytes the files below ``folder`` take on their disk."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.lstat(f"{where}/{name}").st_blocks * _BLOCK_BYTES
    return total


def require(place: Path, wanted: int, purpose: str, advice: str) -> None:
    """Raise NoSpace where fewer bytes than ``wanted`` are free at ``place``."""
    free = shutil.disk_usage(place).free
    if free < max(wanted, LEAST_BYTES):
        needed = megabytes(max(wanted, LEAST_BYTES))
        raise NoSpace(
            f"{place} is full: {megabytes(free)} are free and {needed} are needed {purpose}; {advice}"
        )


def is_full(place: Path) -> bool:
    """Whether hardly anything can be written at ``place``."""
    return shutil.disk_usage(place).free < LEAST_BYTES


@contextmanager
def raising_no_space(place: Path, advice: str) -> Iterator[None]:
    """Raise NoSpace, with the name of ``place``, where the block cannot write there as it is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise NoSpace(f"{place} is full: {error.strerror}; {advice}") from error


def megabytes(number: int) -> str:
    """Return a number of bytes in words."""
    return f"{number / _MEGA:.1f} MiB"
