"""A command of a system under test while it runs: with a launcher above it that ends whatever it leaves."""

import atexit
import functools
import json
import os
import select
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict

from hil import inherited
from hil.targets.program.launch import END_SECONDS, LEFT_SECONDS, LaunchRequest, Report

MARGIN_SECONDS = 30.0  # for the launcher itself, on a busy machine
PIECE = 64 * 1024


class SutBroken(Exception):
    """The system under test cannot be set up or asked here; the text says which command failed, and how."""


class RunningCommand:
    """A command; all that it prints comes at its end.

    ``watch``: the socket to which it hands its listener over, None: its system calls are not watched.
    """

    def __init__(self, request: LaunchRequest, watch: socket.socket | None) -> None:
        self._seconds = request.seconds + LEFT_SECONDS + END_SECONDS + MARGIN_SECONDS
        self._report: Report | None = None
        self._reading = threading.Lock()
        self._output, written = os.pipe()
        self._launcher, its = socket.socketpair()
        with its:
            handed = [written, its.fileno(), *((watch.fileno(),) if watch else ())]
            try:
                _launchers(os.getpid()).start(request, handed)
            except BaseException:
                self.abandon()
                raise
            finally:
                os.close(written)

    def end(self) -> None:
        """End it now, and all that it has started; returns when nobody is left, raises SutBroken."""
        self._launcher.shutdown(socket.SHUT_WR)
        self._read(END_SECONDS + MARGIN_SECONDS)

    def ended(self) -> tuple[str, Report]:
        """Wait for the end, and return what was printed and how it ended; raises SutBroken."""
        try:
            output = b"".join(self._printed())
            report = self._read(END_SECONDS + MARGIN_SECONDS)
        finally:
            self.abandon()
        text = output.decode(errors="replace")
        return text.replace("\r\n", "\n").replace("\r", "\n"), report

    def abandon(self) -> None:
        """Let go of it: where it still runs its launcher ends it, and all that it has started."""
        self._launcher.close()
        if self._output >= 0:
            os.close(self._output)
        self._output = -1

    def _printed(self) -> Iterator[bytes]:
        poll = select.poll()
        poll.register(self._output, select.POLLIN)
        deadline = time.monotonic() + self._seconds
        while poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            piece = os.read(self._output, PIECE)
            if not piece:
                return
            yield piece
        raise SutBroken("the launcher of a command does not answer")

    def _read(self, seconds: float) -> Report:
        """Return the report of the launcher, which comes once."""
        with self._reading:
            if self._report is None:
                self._launcher.settimeout(seconds)
                try:
                    text = b"".join(iter(lambda: self._launcher.recv(PIECE), b""))
                    self._report = Report(**json.loads(text))
                except (OSError, ValueError) as error:
                    raise SutBroken(f"the launcher of a command did not report: {error!r}") from error
            return self._report


class _Launchers:
    """The warm process that forks a launcher for each command; it ends with this one."""

    def __init__(self) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                inherited.python("hil.targets.program.launch", str(theirs.fileno())),
                env=inherited.environment(),
                pass_fds=[theirs.fileno()],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )

        atexit.register(self._close)

    def _close(self) -> None:
        self._orders.close()
        self._process.wait(END_SECONDS)

    def start(self, request: LaunchRequest, descriptors: list[int]) -> None:
        try:
            socket.send_fds(self._orders, [json.dumps(asdict(request)).encode()], descriptors)
        except OSError as error:
            raise SutBroken(f"no command can be started: {error.strerror}") from error


@functools.cache
def _launchers(_pid: int) -> _Launchers:
    """Return those of this process; a forked child would get its own."""
    return _Launchers()
