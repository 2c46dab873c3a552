"""A program of the tests: changes files in ways of which the tests know the exact list of system calls."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from hil.faults.watch.handover import Unwatched
from hil.targets.hpcs.emulator import Program
from hil.targets.hpcs.rig.zygote.client import ForkedProcess

AT_FDCWD, RENAME_NOREPLACE = -100, 1  # with no flag libc makes another call of it


def main(argv: list[str]) -> int:
    """Do what the first argument says in the current folder; leave with the number of the first error."""
    what, folder, *arguments = argv
    os.chdir(folder)
    try:
        MODES[what](*arguments)
    except OSError as error:
        return error.errno or 1
    return 0


def steps() -> None:
    """Change files in every way that Python knows: by descriptor, path, relative path, path in a folder."""
    file = os.open("a", os.O_CREAT | os.O_RDWR, 0o600)
    os.write(file, b"one")
    os.pwrite(file, b"two", 3)
    os.writev(file, [b"t", b"hree"])
    os.posix_fallocate(file, 0, 32)
    os.ftruncate(file, 4)
    os.fsync(file)
    os.fdatasync(file)
    os.close(file)
    os.rename("a", f"{os.getcwd()}/b")  # noqa: PTH104, PTH109 - the calls themselves are the matter
    here = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(here)
    os.mkdir("d")  # noqa: PTH102
    inner = os.open("d", os.O_RDONLY | os.O_DIRECTORY)
    os.mkdir("e", dir_fd=inner)
    os.link("b", "d/c")
    os.link("b", "f", src_dir_fd=here, dst_dir_fd=inner)
    os.rename("c", "g", src_dir_fd=inner, dst_dir_fd=here)
    os.unlink("g")  # noqa: PTH108
    os.unlink("f", dir_fd=inner)
    os.close(os.open("h", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=inner))
    os.close(os.open("b", os.O_WRONLY | os.O_TRUNC))


def raw() -> None:
    """Make the calls for which Python has no function."""
    libc = ctypes.CDLL(None, use_errno=True)
    for descriptor in (
        libc.creat(b"a", 0o600),
        libc.syscall(ctypes.c_long(2), b"b", os.O_CREAT | os.O_RDWR, 0o600),  # open, on x86_64 only
    ):
        if descriptor < 0:
            raise OSError(ctypes.get_errno(), "no descriptor")
    if libc.renameat2(AT_FDCWD, b"a", AT_FDCWD, b"c", RENAME_NOREPLACE) != 0:
        raise OSError(ctypes.get_errno(), "renameat2")


def threads(count: str, writes: str, lock: str) -> None:
    """Write a byte to one file, so often in so many threads at once: in "turns", or in a "race"."""
    file = os.open("shared", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    barrier = threading.Barrier(int(count))
    turn = threading.Lock() if lock == "turns" else contextlib.nullcontext()

    def write() -> None:
        barrier.wait()
        for _ in range(int(writes)):
            with turn:
                os.write(file, b".")

    workers = [threading.Thread(target=write) for _ in range(int(count))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def child() -> None:
    """Let another program and a fork write, then write too."""
    subprocess.run([sys.executable, "-c", "open('theirs', 'w').write('x')"], check=True)
    forked = os.fork()
    if forked == 0:
        Path("forked").write_text("x")
        os._exit(0)
    os.waitpid(forked, 0)
    os.mkdir("ours")  # noqa: PTH102


def elsewhere(other: str) -> None:
    """Change what is no file below the current folder, or will not last."""
    Path(other, "file").write_text("x")
    Path(other, "file").rename(Path(other, "moved"))
    Path(os.devnull).write_text("x")
    readable, writable = os.pipe()
    os.write(writable, b"x")
    os.close(readable)
    os.write(1, b"said\n")
    with Path("read").open() as reader:
        reader.read()
    lost = os.open("lost", os.O_RDWR)
    os.unlink("lost")  # noqa: PTH108
    os.write(lost, b"x")


def interrupted() -> None:
    """Make a folder while signals come, which a handler takes."""
    signal.signal(signal.SIGUSR1, lambda *_: None)
    os.mkdir("d")  # noqa: PTH102


def nested() -> None:
    """Be a bench under watch, which cannot watch in its turn."""
    streams = (0, 1, 2)
    try:
        ForkedProcess(Program(__name__, ("steps", ".")), {}, streams, watched=True)
    except Unwatched as error:
        sys.stdout.write(str(error))


MODES: dict[str, Callable[..., None]] = {
    mode.__name__: mode for mode in (steps, raw, threads, child, elsewhere, interrupted, nested)
}
