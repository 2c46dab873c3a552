"""The files of a system under test: copied as they are, removed, and named by what stands in them.

``cp -a`` copies: it keeps owner, mode, times, extended attributes, hard and symbolic links, holes, named
pipes and sockets. Rejected: shutil.copytree. It gives a copy to whoever makes it, makes two files of one that
has two names, fills holes, and stops at a socket.
"""

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

from hil import inherited

COPY_SECONDS = 600.0


def copy(source: Path, target: Path) -> None:
    """Make ``target``, which is not there, a copy of the folder ``source``; raises OSError."""
    target.mkdir(parents=True)
    # The slash and the dot: what is in the folder, and the folder's own mode, owner and times.
    words = ["cp", "--archive", "--", f"{source.absolute()}/.", str(target.absolute())]
    done = subprocess.run(
        words,
        env=inherited.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=COPY_SECONDS,
    )
    if done.returncode != 0:
        raise OSError(f"{source} could not be copied: {os.fsdecode(done.stderr[-500:]).strip()}")


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it, where it is there; raises OSError."""
    if folder.exists():
        shutil.rmtree(folder)


def contents(root: Path) -> Iterator[bytes]:
    """Yield what tells the files below a folder from others: names, kinds, owners, links, content."""
    base = os.fsencode(root)
    names: dict[tuple[int, int], bytes] = {}
    for path in sorted(_below(base)):
        status = os.lstat(path)
        name = os.path.relpath(path, base)
        same = names.setdefault((status.st_dev, status.st_ino), name)
        yield b"\0".join((name, b"%o %d %d" % (status.st_mode, status.st_uid, status.st_gid), same))
        yield from _attributes(path)
        if stat.S_ISLNK(status.st_mode):
            yield os.readlink(path)  # noqa: PTH115 - names are bytes here
        elif stat.S_ISREG(status.st_mode):
            yield Path(os.fsdecode(path)).read_bytes()


def _below(base: bytes) -> Iterator[bytes]:
    for folder, folders, files in os.walk(base):
        yield from (folder + b"/" + name for name in (*folders, *files))


def _attributes(path: bytes) -> Iterator[bytes]:
    try:
        names = sorted(os.listxattr(path, follow_symlinks=False))
    except OSError:  # a file system that has none
        return
    for name in names:
        yield os.fsencode(name) + b"\0" + os.getxattr(path, name, follow_symlinks=False)
