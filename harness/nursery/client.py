"""The bench's side of the warm parent: starts processes there and hears of their ends."""

import functools
import json
import os
import queue
import socket
import subprocess
import threading
from collections.abc import Mapping
from typing import Any

from harness import inherited, sut
from harness.watch import handover

ANSWER_SECONDS = 30.0


class NurseryGone(Exception):
    """The warm parent has died; the bench cannot go on."""


class Seedling:
    """A process forked from the warm parent."""

    def __init__(
        self,
        program: sut.Program,
        environment: Mapping[str, str],
        stdio: tuple[int, int, int],
        *,
        watched: bool = False,
    ) -> None:
        """``stdio`` are the descriptors that become 0, 1 and 2; the caller keeps its own.

        A watched process waits at its first durable system call until the caller makes a Supervisor of
        ``listener``, which owns it from then on. Raises Unwatched.
        """
        self._nursery = _nursery(os.getpid())
        self.listener: int | None = None
        if not watched:
            self.pid = self._nursery.spawn(program, environment, stdio)
            return
        mine, its = handover.pair()
        with mine:
            with its:
                self.pid = self._nursery.spawn(program, environment, (*stdio, its.fileno()))
            self.listener = _handed_over(mine)

    def poll(self) -> int | None:
        """None while it runs, else the exit code; negative: the signal that ended it."""
        return self._nursery.codes.get(self.pid)

    def wait(self, seconds: float) -> int:
        """Wait for its end and return the exit code; TimeoutError after ``seconds``."""
        return self._nursery.wait(self.pid, seconds)


class _Nursery:
    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._server = subprocess.Popen(
                inherited.python("harness.nursery.server", str(theirs.fileno())),
                env=inherited.environment(),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.codes: dict[int, int] = {}
        self._changed = threading.Condition()
        self._spawning = threading.Lock()
        self._spawned: queue.Queue[int] = queue.Queue()
        threading.Thread(target=self._listen, name="nursery", daemon=True).start()

    def spawn(
        self, program: sut.Program, environment: Mapping[str, str], descriptors: tuple[int, ...]
    ) -> int:
        request = {
            "module": program.module,
            "arguments": program.arguments,
            "needs": program.needs,
            "environment": dict(environment),
        }
        with self._spawning:
            socket.send_fds(self._socket, [json.dumps(request).encode()], list(descriptors))
            try:
                pid = self._spawned.get(timeout=ANSWER_SECONDS)
            except queue.Empty as error:
                raise NurseryGone("the warm parent does not answer") from error
        return pid

    def wait(self, pid: int, seconds: float) -> int:
        with self._changed:
            if not self._changed.wait_for(lambda: pid in self.codes, seconds):
                raise TimeoutError(f"process {pid} did not end within {seconds:g} s")
            return self.codes[pid]

    def _listen(self) -> None:
        while raw := self._socket.recv(4096):
            message: dict[str, Any] = json.loads(raw)
            if "code" in message:
                with self._changed:
                    self.codes[message["pid"]] = message["code"]
                    self._changed.notify_all()
            else:
                # An id that is given again belongs to the new process.
                self.codes.pop(message["pid"], None)
                self._spawned.put(message["pid"])


def _handed_over(end: socket.socket) -> int:
    try:
        listener, _ = handover.received(end, ANSWER_SECONDS)
    except TimeoutError as error:
        raise NurseryGone("a process forked from the warm parent does not answer") from error
    return listener


@functools.cache
def _nursery(_pid: int) -> _Nursery:
    """Return this process' warm parent; a forked child would get one of its own."""
    return _Nursery()
