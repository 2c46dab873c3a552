"""The bench's side of the warm parent: starts processes there and hears of their ends."""

import contextlib
import json
import os
import queue
import signal
import socket
import subprocess
import threading
from collections.abc import Mapping
from multiprocessing import util
from typing import Any

from hil import inherited
from hil.faults.watch import handover
from hil.targets.hpcs import emulator as sut

ANSWER_SECONDS = 30.0
CLOSE_SECONDS = 15.0


class WarmParentGone(Exception):
    """The warm parent has ended, and with it all that it had started; the next start makes a new one."""


class ForkedProcess:
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
        self._warm_parent = _warm_parent()
        self.listener: int | None = None
        if not watched:
            self.pid = self._warm_parent.spawn(program, environment, stdio)
            return
        mine, its = handover.pair()
        with mine:
            with its:
                self.pid = self._warm_parent.spawn(program, environment, (*stdio, its.fileno()))
            self.listener = _handed_over(mine)

    def poll(self) -> int | None:
        """None while it runs, else the exit code; negative: the signal that ended it."""
        return self._warm_parent.poll(self.pid)

    def wait(self, seconds: float) -> int:
        """Return the exit code at its end; raises TimeoutError after ``seconds``, and WarmParentGone."""
        return self._warm_parent.wait(self.pid, seconds)


class _WarmParent:
    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._server = subprocess.Popen(
                inherited.python("hil.targets.hpcs.rig.zygote.server", str(theirs.fileno())),
                env=inherited.environment(),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._codes: dict[int, int] = {}
        self.gone = False
        self._changed = threading.Condition()
        self._spawning = threading.Lock()
        self._spawned: queue.Queue[int | OSError | None] = queue.Queue()  # None: there will be no more
        self._listener = threading.Thread(target=self._listen, name="warm parent", daemon=True)
        self._listener.start()
        util.Finalize(None, self._close, exitpriority=0)

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
            try:
                socket.send_fds(self._socket, [json.dumps(request).encode()], list(descriptors))
                answer = self._spawned.get(timeout=ANSWER_SECONDS)
            except OSError as error:
                raise self._is_gone(program) from error
            except queue.Empty as error:
                raise WarmParentGone(
                    f"the warm parent does not answer, so {_words(program)} did not start"
                ) from error
        if answer is None:
            raise self._is_gone(program)
        if isinstance(answer, OSError):
            raise answer
        return answer

    def poll(self, pid: int) -> int | None:
        return self._codes.get(pid, -signal.SIGKILL if self.gone else None)

    def ended(self) -> int | None:
        return self._server.poll()

    def wait(self, pid: int, seconds: float) -> int:
        with self._changed:
            if not self._changed.wait_for(lambda: self.gone or pid in self._codes, seconds):
                raise TimeoutError(f"process {pid} did not end within {seconds:g} s")
            if pid not in self._codes:
                raise WarmParentGone(f"the warm parent of process {pid} was killed, and it with it")
            return self._codes[pid]

    def _is_gone(self, program: sut.Program) -> WarmParentGone:
        code = self._server.wait(ANSWER_SECONDS)
        return WarmParentGone(
            f"the warm parent has ended with exit code {code}, so {_words(program)} did not start"
        )

    def _listen(self) -> None:
        with contextlib.suppress(ConnectionError):
            while raw := self._socket.recv(4096):
                message: dict[str, Any] = json.loads(raw)
                if "code" in message:
                    with self._changed:
                        self._codes[message["pid"]] = message["code"]
                        self._changed.notify_all()
                elif "errno" in message:
                    self._spawned.put(OSError(message["errno"], os.strerror(message["errno"])))
                else:
                    # An id that is given again belongs to the new process.
                    self._codes.pop(message["pid"], None)
                    self._spawned.put(message["pid"])
        with self._changed:
            self.gone = True
            self._changed.notify_all()
        self._spawned.put(None)

    def _close(self) -> None:
        """Let the warm parent end, with all that it has started, and reap it."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        try:
            self._server.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._listener.join(CLOSE_SECONDS)
        self._socket.close()


def _words(program: sut.Program) -> str:
    return f"'{' '.join((program.module.split('.')[1], *program.arguments[:1]))}'"


def ended() -> int | None:
    """Return the exit code of this process' warm parent, without which nothing can be started; None: none."""
    warm_parent = _warm_parents.get(os.getpid())
    return warm_parent.ended() if warm_parent else None


def _handed_over(end: socket.socket) -> int:
    try:
        listener, _ = handover.received(end, ANSWER_SECONDS)
    except TimeoutError as error:
        raise WarmParentGone("a process forked from the warm parent does not answer") from error
    return listener


def _warm_parent() -> _WarmParent:
    """Return this process' warm parent; a forked child gets one of its own."""
    warm_parent = _warm_parents.get(os.getpid())
    if warm_parent is None or warm_parent.gone:
        warm_parent = _warm_parents[os.getpid()] = _WarmParent()
    return warm_parent


_warm_parents: dict[int, _WarmParent] = {}
