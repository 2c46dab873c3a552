"""A child process in a group of its own that dies with its starter and is killed by group, never by name."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

STOP_SECONDS = 10.0


class NotKilled(Exception):
    """A process did not end by the SIGKILL that was sent to it; the bench cannot say that the fault fired."""


class Child:
    """One process of the rig; its output goes to a log file."""

    def __init__(self, name: str, argv: Sequence[str], log: Path) -> None:
        self.name = name
        # setpriv, not a preexec function: those are unsafe in a process that has threads.
        self._process = detached(("setpriv", "--pdeathsig", "KILL", *argv), log)

    @property
    def pid(self) -> int:
        """Process id, which is also the id of the group."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.poll()

    def kill(self) -> None:
        """SIGKILL the whole group and prove that the leader died of it."""
        if self._process.poll() is not None:
            raise NotKilled(f"{self.name} had already ended with exit code {self._process.returncode}")
        os.killpg(self.pid, signal.SIGKILL)
        code = self._process.wait(timeout=STOP_SECONDS)
        if code != -signal.SIGKILL:
            raise NotKilled(f"{self.name} ended with exit code {code}, not by SIGKILL")

    def stop(self) -> None:
        """End the group, whatever state it is in."""
        if self._process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait(timeout=STOP_SECONDS)


def detached(argv: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own; it outlives its starter."""
    with log.open("ab") as output:
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
