"""Which file a trapped call of a process changes, looked up in /proc while the call waits.

Descriptors tell by themselves; a path stands in the memory of the process. The bench trusts the process: one
that rewrites its own path while the call waits would be named wrongly, so this is no means of confinement.
Links are followed in the folders of a path, not in its last part. A process in a container sees folders of
this machine under other names, ``mounts`` says which; a link in there is followed as this machine sees it.
"""
# Text in place of Path objects, as a process waits while this runs:
# ruff: noqa: PTH110, PTH115, PTH116

import copy
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

from hil.faults.watch.filter import CannotWatch, Names, Trapped

PATH_MAX: Final = 4096
AT_FDCWD: Final = -100


class Files:
    """The files below ``root`` as process ``pid`` names them.

    ``mounts`` maps what it calls a folder to where that is on this machine, where the two differ. Raises
    CannotWatch where its memory may not be read; without that, calls by path would pass unseen.
    """

    def __init__(self, pid: int, root: Path, mounts: Mapping[str, Path]) -> None:
        self._pid = pid
        self._proc = f"/proc/{pid}"
        self._root = os.path.realpath(root)
        self._below = self._root.rstrip("/") + "/"
        self._may_read()
        self._mounts = [(name.rstrip("/") + "/", f"{os.path.realpath(at)}/") for name, at in mounts.items()]

    def _may_read(self) -> None:
        try:
            os.close(self._memory())
        except (FileNotFoundError, ProcessLookupError) as error:
            if _lives(self._pid):
                raise CannotWatch(
                    f"process {self._pid} is not in /proc; mount /proc of this space of process ids, without"
                    " hidepid"
                ) from error
        except PermissionError as error:
            raise CannotWatch(
                f"process {self._pid} may not be looked into; run as root, or as its own user where"
                " /proc/sys/kernel/yama/ptrace_scope, if there is one, is 0 or 1"
            ) from error

    def of(self, thread: int) -> Self:
        """Return the same files as a thread of any process names them; none where it is no more."""
        other = copy.copy(self)
        other._proc = f"/proc/{thread}"  # noqa: SLF001 - of its own kind
        return other

    def caller_is_ours(self, thread: int) -> bool:
        """Whether a thread belongs to the process itself, and not to a child that it has started."""
        return thread == self._pid or os.path.exists(f"{self._proc}/task/{thread}")

    def changed_by(self, call: Trapped, arguments: Sequence[int]) -> str | None:
        """Return the path, relative to ``root``, of the file or folder that a call is about.

        None where it is no file or folder below ``root``, or the process has died.
        """
        try:
            if call.names is Names.DESCRIPTOR:
                return self._open_file(_number(arguments[call.argument]))
            base = _number(arguments[call.argument - 1]) if call.names is Names.PATH_AT else AT_FDCWD
            return self._path(base, self._text(arguments[call.argument]))
        except OSError:
            return None

    def _open_file(self, descriptor: int) -> str | None:
        entry = f"{self._proc}/fd/{descriptor}"
        path = self._relative(self._here(os.readlink(entry)))
        if path is None:
            return None
        status = os.stat(entry)
        # A file that has lost its last name is gone with the process: nothing about it is durable.
        lasts = stat.S_ISDIR(status.st_mode) or (stat.S_ISREG(status.st_mode) and status.st_nlink > 0)
        return path if lasts else None

    def _path(self, base: int, path: str) -> str | None:
        if not path.startswith("/"):
            folder = "cwd" if base == AT_FDCWD else f"fd/{base}"
            path = f"{os.readlink(f'{self._proc}/{folder}')}/{path}"
        folder, _, name = path.rstrip("/").rpartition("/")
        return self._relative(f"{_real(self._here(folder or '/'))}/{name}")

    def _here(self, path: str) -> str:
        """Return what the process calls ``path`` as this machine calls it."""
        for name, at in self._mounts:
            if f"{path}/".startswith(name):
                return f"{at}{path[len(name) :]}".rstrip("/")
        return path

    def _relative(self, path: str) -> str | None:
        if path.startswith(self._below):
            return path[len(self._below) :]
        return "." if path == self._root else None

    def _text(self, address: int) -> str:
        """Read a path from the memory of the process."""
        memory = self._memory()
        try:
            return os.fsdecode(os.pread(memory, PATH_MAX, address).partition(b"\0")[0])
        finally:
            os.close(memory)

    def _memory(self) -> int:
        return os.open(f"{self._proc}/mem", os.O_RDONLY | os.O_CLOEXEC)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is another's
        return True
    return True


def _real(folder: str) -> str:
    """Return a folder with all links followed, by the kernel where it is there."""
    try:
        held = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return os.path.realpath(folder)
    try:
        return os.readlink(f"/proc/self/fd/{held}")
    finally:
        os.close(held)


def _number(argument: int) -> int:
    """Return an argument of C type int: the lower half of the register, signed."""
    low = argument & 0xFFFFFFFF
    return low - 2**32 if low >= 2**31 else low
