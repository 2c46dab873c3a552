"""A relay: a Unix socket that stands in front of another one and hands each connection to an exchange."""

import contextlib
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from hsm_emulator.wire.errors import WireError
from hsm_emulator.wire.message import CHUNK_BYTES, Malformed

UPSTREAM_SECONDS = 120
LEAVE_SECONDS = 5  # that a caller has to notice the end of its connection
SPARE = 2  # threads of a relay that wait for a connection while there is none
JOIN_SECONDS = 5.0

Connect = Callable[[], socket.socket]
Exchange = Callable[[socket.socket, socket.socket], None]
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: struct ucred of unix(7)
_TIME = struct.Struct("@ll")  # seconds, microseconds: struct timeval


def peer_pid(end: socket.socket) -> int:
    """Return the id of the process that opened a connection, also when it has died since."""
    raw = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(raw)[0])


def pass_on(downstream: socket.socket, upstream: socket.socket) -> None:
    """Give each end what the other one sends, until one of them ends."""
    ways = {downstream.fileno(): (downstream, upstream), upstream.fileno(): (upstream, downstream)}
    poll = select.poll()
    for number in ways:
        poll.register(number, select.POLLIN)
    while True:
        for number, _ in poll.poll():
            source, sink = ways[number]
            chunk = source.recv(CHUNK_BYTES)
            if not chunk:
                return
            sink.sendall(chunk)


class Relay:
    """Listens on ``listen``; for every connection opens ``upstream`` and runs ``exchange`` in a thread.

    ``upstream``: a socket in the file system, or what connects to something else.

    Where upstream does not answer, or an exchange raises EOFError, the caller's connection is closed: it sees
    a server that is gone.

    The thread that takes a connection serves it as well, and another one waits in its place. A thread made
    for each connection took 5 ms of a scenario.
    """

    def __init__(self, listen: Path, upstream: Path | Connect, exchange: Exchange) -> None:
        self._connect = partial(_connected, upstream) if isinstance(upstream, Path) else upstream
        self._exchange = exchange
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        listen.unlink(missing_ok=True)
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(str(listen))
        self._server.listen(64)
        self._name = f"relay {listen}"
        self._threads: set[threading.Thread] = set()
        self._waiting = 0
        self._hire()

    def hang_up(self) -> None:
        """Close every connection that is open now; new ones are still served."""
        with self._lock:
            for end in self._open:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop listening and close everything."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.hang_up()
        deadline = time.monotonic() + JOIN_SECONDS
        for thread in tuple(self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))

    def _hire(self) -> None:
        """Have one more thread wait for connections."""
        thread = threading.Thread(target=self._work, name=self._name, daemon=True)
        with self._lock:
            self._waiting += 1
            self._threads.add(thread)
        thread.start()

    def _work(self) -> None:
        try:
            while self._take():
                with self._lock:
                    if self._waiting == SPARE:
                        return
                    self._waiting += 1
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _take(self) -> bool:
        """Serve the next connection; False where the relay has been closed."""
        try:
            downstream, _ = self._server.accept()
        except OSError:
            return False
        with self._lock:
            self._waiting -= 1
            nobody = not self._waiting
        if nobody:
            self._hire()
        self._serve(downstream)
        return True

    def _serve(self, downstream: socket.socket) -> None:
        ends = {downstream}
        self._note(ends)
        try:
            upstream = self._connect()
            _limit(upstream, UPSTREAM_SECONDS)
            ends.add(upstream)
            self._note(ends)
            self._exchange(downstream, upstream)
        except (OSError, EOFError, Malformed, WireError):
            _see_off(downstream)  # one of the ends is gone: closing both is the answer
        finally:
            with self._lock:
                self._open -= ends
            for end in ends:
                end.close()

    def _note(self, ends: set[socket.socket]) -> None:
        with self._lock:
            self._open |= ends


def _limit(end: socket.socket, seconds: int) -> None:
    """Set the deadline of each wait; by the kernel, as a deadline of Python's asks before each read."""
    end.settimeout(None)
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        end.setsockopt(socket.SOL_SOCKET, option, _TIME.pack(seconds, 0))


def _see_off(downstream: socket.socket) -> None:
    """Let a caller see the end of the connection, whatever it sends still, until it has closed as well.

    Closed at once, a connection with something unread in it ends by a reset, and one without by an end of
    file: which of them a caller gets would depend on who is faster.
    """
    with contextlib.suppress(OSError):
        _limit(downstream, LEAVE_SECONDS)
        downstream.shutdown(socket.SHUT_WR)
        while downstream.recv(CHUNK_BYTES):
            pass


def _connected(upstream: Path) -> socket.socket:
    end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        end.connect(str(upstream))
    except OSError:
        end.close()
        raise
    return end
