"""Where commands start: ``python -m hil.targets.program.launch FD``, a warm process that forks for each.

Each message at the socket ``FD`` is a LaunchRequest in JSON with descriptors: what becomes standard output, a
socket to the bench, and for a command that is to be watched one more, which gets the listener, or else the
reason why there is none; the filter outlives execve, so the command itself is untouched. The fork is the
launcher of that one command: it waits for its end, ends whatever it leaves, and sends a Report in JSON.
Where the bench shuts the socket down, or dies, the command is ended.

A command that has ended by itself may have started others. They get a moment to end, then they are ended.
A launcher in a Python of its own, for each command, took 80 ms of processor time.
"""

import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NoReturn

from hil.faults.watch import descendants, prctl
from hil.faults.watch.filter import CannotWatch, install

NOT_FOUND = 127  # as shells have it
LEFT_SECONDS = 2.0  # for what still runs when the command has ended by itself
END_SECONDS = 10.0
REQUEST_BYTES_MAX = 128 * 1024
DESCRIPTORS_MAX = 3


@dataclass(frozen=True)
class LaunchRequest:
    """What to run in which folder, and how many ``seconds`` it has."""

    argv: Sequence[str]
    folder: str
    environment: Mapping[str, str]
    seconds: float


@dataclass
class Report:
    """How a command has ended; ``code`` is negative where a signal ended it, None where nobody knows.

    ``left``: what still ran after it had ended by itself, and was ended. ``alive``: who could not be.
    """

    code: int | None = None
    hung: bool = False
    left: list[str] = field(default_factory=list)
    alive: str = ""


class Launcher:
    """Waits for a child, for the bench and for the clock."""

    def __init__(self, child: int, bench: socket.socket, ended: socket.socket) -> None:
        self._child = child
        self._bench = bench
        self._ended = ended
        self._report = Report()
        self._selector = selectors.DefaultSelector()
        self._selector.register(bench, selectors.EVENT_READ)
        self._selector.register(ended, selectors.EVENT_READ)

    def wait(self, seconds: float) -> Report:
        """Return when nobody is left."""
        let = self._until(time.monotonic() + seconds, lambda: self._report.code is not None)
        if let and self._report.code is None:
            self._report.hung = True
        elif let and self._until(time.monotonic() + LEFT_SECONDS, descendants.alone):
            self._report.left = [descendants.name(pid) for pid in descendants.living(os.getpid())]
        try:
            self._note(descendants.end(END_SECONDS))
        except TimeoutError as error:
            self._report.alive = str(error)
        return self._report

    def _until(self, deadline: float, done: Callable[[], bool]) -> bool:
        """Wait; False where the bench has said, or shown by its death, that it is to end now."""
        while True:
            self._note(descendants.reap())
            left = deadline - time.monotonic()
            if done() or left <= 0:
                return True
            for key, _ in self._selector.select(left):
                if key.fileobj is self._bench:
                    return False
                self._ended.recv(4096)

    def _note(self, codes: dict[int, int]) -> None:
        self._report.code = codes.get(self._child, self._report.code)


def main(argv: list[str]) -> int:
    """Serve until the other end of the socket closes."""
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a launcher has ended
    with socket.socket(fileno=int(argv[0])) as orders:
        orders.set_inheritable(False)
        while True:
            try:
                raw, descriptors, _, _ = socket.recv_fds(orders, REQUEST_BYTES_MAX, DESCRIPTORS_MAX)
            except ConnectionResetError:
                return 0
            if not raw:
                return 0
            if os.fork() == 0:
                orders.close()
                _launch(LaunchRequest(**json.loads(raw)), descriptors)
            for descriptor in descriptors:
                os.close(descriptor)


def _launch(request: LaunchRequest, descriptors: Sequence[int]) -> NoReturn:
    """Run a command, and report."""
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    output, *others = descriptors
    bench, *watch = [socket.socket(fileno=one) for one in others]
    os.setsid()
    prctl.adopt_orphans()
    ended, wake = socket.socketpair()
    for end in (ended, wake):
        end.setblocking(False)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _become(request, output, watch, parent)
    os.close(output)  # who reads it sees its end when the command, and all below it, has ended
    for end in watch:
        end.close()
    report = Launcher(child, bench, ended).wait(request.seconds)
    with contextlib.suppress(OSError):  # the bench has gone
        bench.sendall(json.dumps(asdict(report)).encode())
    os._exit(0)


def _become(request: LaunchRequest, output: int, watch: Sequence[socket.socket], parent: int) -> NoReturn:
    """Turn this process into the command, in a session of its own; it dies with its parent."""
    os.setsid()
    prctl.die_with_parent()
    if os.getppid() != parent:
        os._exit(1)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    for stream in (1, 2):
        os.dup2(output, stream)
    for end in watch:
        _be_watched(end)
    try:
        os.chdir(request.folder)
        os.execvpe(request.argv[0], list(request.argv), dict(request.environment))  # noqa: S606 - no shell
    except OSError as error:
        os.write(2, f"{request.argv[0]}: {error.strerror}\n".encode(errors="replace"))
    os._exit(NOT_FOUND)


def _be_watched(bench: socket.socket) -> None:
    """Put this process under the filter of system calls and hand its listener over."""
    with bench:
        try:
            listener = install(wide=True)
        except CannotWatch as error:
            bench.send(str(error).encode())
            os._exit(1)
        socket.send_fds(bench, [b"listener"], [listener])
        os.close(listener)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
