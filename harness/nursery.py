"""A warm parent: processes of the emulator forked from one that has imported everything.

A cold Python with its imports takes about a quarter of a second of processor time for a crypto unit, and a
scenario starts six to ten processes. The fork server of the standard library imports them once and forks;
what it forks is a process like any other: own session, own file descriptors, own environment, killed by its
own id. It dies with the bench (PR_SET_PDEATHSIG through the fork server, which ends with its user).

Not modelled this way: the first milliseconds of a program, in which a cold one would be importing.
"""

import ctypes
import importlib
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection

from harness import sut

PR_SET_PDEATHSIG = 1

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["__main__", __name__, *sut.PROGRAMS])


class Seedling:
    """A process forked from the warm parent."""

    def __init__(
        self, program: sut.Program, environment: Mapping[str, str], stdio: tuple[int, int, int]
    ) -> None:
        """``stdio`` are the descriptors that become 0, 1 and 2; the caller keeps its own."""
        ends = [Connection(os.dup(descriptor)) for descriptor in stdio]
        self._lock = threading.Lock()
        self._process = _context.Process(
            target=_become, args=(program.module, program.arguments, dict(environment), ends)
        )
        self._process.start()
        for end in ends:
            end.close()

    @property
    def pid(self) -> int:
        """Process id, which is also the id of its group."""
        pid = self._process.pid
        if pid is None:
            raise AssertionError
        return pid

    def poll(self) -> int | None:
        """None while it runs, else the exit code; negative: the signal that ended it."""
        with self._lock:
            return self._process.exitcode

    def wait(self, seconds: float) -> int:
        """Wait for its end and return the exit code; TimeoutError after ``seconds``."""
        with self._lock:
            self._process.join(seconds)
            code = self._process.exitcode
        if code is None:
            raise TimeoutError(f"process {self.pid} did not end within {seconds:g} s")
        return code


def _become(
    module: str, arguments: Sequence[str], environment: Mapping[str, str], ends: Sequence[Connection]
) -> None:
    """Turn a forked child into the program; never returns."""
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for target, end in enumerate(ends):
        os.dup2(end.fileno(), target)
        end.close()
    os.environ.clear()
    os.environ.update(environment)
    code = 1
    try:
        code = importlib.import_module(module).main(list(arguments))
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
        if isinstance(ended.code, str):
            sys.stderr.write(ended.code + "\n")
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
