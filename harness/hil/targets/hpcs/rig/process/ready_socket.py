"""Learning that a process of the rig is ready, as sd_notify(3) tells it: no polling on the way of a scenario.

Three units and a kms come up in every scenario. Asking them over HTTP every 5 ms cost 9 of 290 ms of
processor time, and half a turn of waiting each.
"""

import contextlib
import select
import socket
import time
from collections.abc import Callable
from pathlib import Path

from hil.targets.hpcs.rig.process.ready import NotReady

LOOK_SECONDS = 0.1  # how often it is looked whether the process has died meanwhile


class ReadySocket:
    """A socket at ``path`` to which a process writes when it serves."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    def drain(self) -> None:
        """Read away what came before; to be called before the process is started or cycled."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(64)

    def wait(self, ended: Callable[[], int | None], what: str, seconds: float) -> None:
        """Wait for its message; NotReady where the process, whose exit code ``ended`` tells, has ended."""
        deadline = time.monotonic() + seconds
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        while not poll.poll(LOOK_SECONDS * 1000):
            if (code := ended()) is not None:
                raise NotReady(f"{what} ended with exit code {code}, see its log")
            if time.monotonic() > deadline:
                raise NotReady(f"{what} was not ready within {seconds:g} s")
        self.drain()

    def close(self) -> None:
        """Take the socket away."""
        self._socket.close()
        self.path.unlink(missing_ok=True)
