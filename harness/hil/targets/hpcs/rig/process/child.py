"""A child process in a group of its own that dies with its starter and is killed by group, never by name."""

import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hil import inherited
from hil.faults.watch.supervisor import Answer, Supervisor, SystemCall
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.rig.process import owner, ready
from hil.targets.hpcs.rig.process.ready_socket import ReadySocket
from hil.targets.hpcs.rig.zygote.client import ForkedProcess

STOP_SECONDS = 10.0
STOPPED = "T"  # process state of proc(5)


class NotKilled(Exception):
    """A process did not end by the SIGKILL that was sent to it; the bench cannot say that the fault fired."""


@dataclass(frozen=True)
class Watch:
    """Durable system calls below ``root`` are asked about before they happen; not while ``off``."""

    root: Path
    ask: Callable[[SystemCall], Answer]
    off: Callable[[], bool] = lambda: False

    def over(self, process: ForkedProcess) -> Supervisor:
        """Watch a process that was started watched; ends by itself when that process has ended."""
        if process.listener is None:
            raise AssertionError
        return Supervisor(process.listener, process.pid, self.root, self.ask, off=self.off)


class Child:
    """One server of the rig; its output goes to a log file; it writes to ``ready_socket`` when it serves."""

    def __init__(
        self,
        name: str,
        program: sut.Program,
        log: Path,
        watch: Watch | None = None,
        ready_socket: ReadySocket | None = None,
    ) -> None:
        self.name = name
        self._ready_socket = ready_socket
        self._log = log
        environment = inherited.environment()
        if ready_socket:
            ready_socket.drain()
            environment["NOTIFY_SOCKET"] = str(ready_socket.path)
        with log.open("ab") as output, Path(os.devnull).open("rb") as nothing:
            stdio = (nothing.fileno(), output.fileno(), output.fileno())
            self._process = ForkedProcess(program, environment, stdio, watched=watch is not None)
        self._supervisor = watch.over(self._process) if watch else None

    @property
    def pid(self) -> int:
        """Process id, which is also the id of the group."""
        return self._process.pid

    @property
    def unwatched(self) -> Exception | None:
        """Why its system calls are not watched any more, where that is so."""
        return self._supervisor.error if self._supervisor else None

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.poll()

    @property
    def last_word(self) -> int | None:
        """The exit code; of a process that has just died it is waited for, as the warm parent brings it."""
        if self.exit_code is None and owner.state(self.pid) in (None, *owner.DEAD):
            with suppress(TimeoutError):
                self._process.wait(STOP_SECONDS)
        return self.exit_code

    def kill(self) -> None:
        """SIGKILL the whole group and prove that the leader died of it."""
        ended = self._process.poll()
        if ended is not None:
            raise NotKilled(f"{self.name} had already ended with exit code {ended}")
        os.killpg(self.pid, signal.SIGKILL)
        code = self._process.wait(STOP_SECONDS)
        if code != -signal.SIGKILL:
            raise NotKilled(f"{self.name} ended with exit code {code}, not by SIGKILL")

    def pause(self) -> None:
        """SIGSTOP the whole group and prove that the leader stopped."""
        os.killpg(self.pid, signal.SIGSTOP)
        ready.until(lambda: owner.state(self.pid) == STOPPED, f"{self.name} stopped", STOP_SECONDS)

    def resume(self) -> None:
        """Let the group go on."""
        os.killpg(self.pid, signal.SIGCONT)

    def ready(self, seconds: float) -> None:
        """Wait until it serves, after its start or a hang-up; NotReady, with what it said last, where not."""
        if self._ready_socket is None:
            raise AssertionError
        try:
            self._ready_socket.wait(self._process.poll, self.name, seconds)
        except ready.NotReady as error:
            raise ready.NotReady(f"{error}: {last_line(self._log)}") from error

    def hang_up(self) -> None:
        """SIGHUP to the leader alone, where it has not ended."""
        if self._ready_socket:
            self._ready_socket.drain()
        if self.exit_code is None:
            os.kill(self.pid, signal.SIGHUP)

    def stop(self) -> None:
        """End the group, whatever state it is in."""
        if self._process.poll() is None:
            # The warm parent reaps it, and the word of that may still be on its way.
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait(STOP_SECONDS)


def last_line(log: Path) -> str:
    """Return what a process said last to its log."""
    return (log.read_text(errors="replace").splitlines() or ["nothing"])[-1]


def detached(program: sut.Program, log: Path) -> subprocess.Popen[bytes]:
    """Start a program cold, in a session of its own; it outlives its starter."""
    with log.open("ab") as output:
        return subprocess.Popen(
            program.argv,
            env=inherited.environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
