"""One connection to the p11-kit server of a crypto unit: requests out, replies in order, and a deadline.

Requests are sent ahead of their replies, up to WINDOW of them, which is what makes a rewrap fast: the unit
works while this side encodes. Sending and receiving share one poll loop on a non-blocking socket, so that two
full socket buffers cannot wait for each other. The deadline bounds the wait for each next complete reply; a
unit that trickles bytes does not extend it. A connection that failed once is closed for good: a late reply
can then never be taken for the answer to a later call.

Opening is serialised between all clients of a socket by a lock file beside it, and tried again while the
token is not readable: each connection starts a process that loads SoftHSM anew, and SoftHSM 2.6.1 answers a
general error, or shows no token, when several start at once. Opening reads only. Nothing else is ever tried
again.
"""

import fcntl
import os
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tenacity

from hsm_emulator.wire import codec
from hsm_emulator.wire.constants import Rv, TokenFlag
from hsm_emulator.wire.errors import (
    GeneralError,
    ProtocolError,
    TokenAbsent,
    UnitLost,
    UnitTimeout,
    refusal,
    unreachable,
)
from hsm_emulator.wire.frames import Frame, FrameReader, encode

HANDSHAKE = b"PRIVATE-GNOME-KEYRING-PKCS11-PROTOCOL-V-1"
WINDOW = 128
FIRST_CODE = 0x10
CODES = 1 << 31
SLOTS_MAX = 256
OPEN_ATTEMPTS = 8

# With many replies to come, let some gather before looking: p11-kit writes each reply in two pieces, and
# to be woken for every piece costs both sides more than the call itself (rewraps of 256 on two cores: 160
# us of CPU each without, 100 us with; 9 000 and 11 000 a second). The pause per outstanding reply is well
# under the 20 us that SoftHSM needs for a call, so the unit never waits for it.
GATHER_REPLIES = 8
GATHER_SECONDS = 6e-6

_RECEIVE_BYTES = 1 << 14  # all that can be outstanding of a rewrap, see message.CHUNK_BYTES
Onward = Callable[[Frame], bytes | None]


class Connection:
    """A connected socket past the exchange of version bytes; ``seconds`` is the deadline of each reply.

    Methods raise UnitTimeout, UnitLost or ProtocolError, after which the connection is closed. Threads may
    share it: one exchange at a time.
    """

    def __init__(self, path: Path, seconds: float) -> None:
        self._path = path
        self._seconds = seconds
        self._code = FIRST_CODE
        self._lock = threading.RLock()
        self._reader = FrameReader()
        self._poll = select.poll()
        peer = self._connect()
        self._socket: socket.socket | None = peer
        self._poll.register(peer, select.POLLIN)
        with self._closing_on_failure():
            self._dialect = self._negotiate(peer)

    @property
    def closed(self) -> bool:
        """Whether it was closed or has failed."""
        return self._socket is None

    def close(self) -> None:
        """Drop the connection; the unit then ends its process and with it sessions and session objects."""
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None

    def call(self, name: str, *arguments: object) -> list[Any]:
        """Make one call and return the values of its reply; P11Error where the unit refuses."""
        (reply,) = self.exchange([self.encode(name, arguments)])
        return self.decode(name, reply)

    def encode(self, name: str, arguments: Sequence[Any]) -> bytes:
        """Return the body of a request to this peer."""
        return self._dialect.request(name, arguments)

    def series(self, name: str, arguments: Sequence[Any]) -> Callable[[Any], bytes]:
        """Return what makes bodies of requests that differ in one argument, see Dialect.series."""
        return self._dialect.series(name, arguments)

    def decode(self, name: str, reply: Frame) -> list[Any]:
        """Return the values of a reply; P11Error where the unit refused. Nonsense closes the connection."""
        try:
            return self._dialect.values(name, reply)
        except ProtocolError:
            self.close()
            raise

    def exchange(self, bodies: Iterable[bytes], onward: Onward | None = None) -> list[Frame]:
        """Send all requests, at most WINDOW ahead of the replies, and return the replies in order.

        ``onward`` is given each reply as it comes, and may return one more request, to be sent after all
        that are waiting: so what follows from a reply goes out while the unit still works on others, and yet
        the order of requests does not depend on the clock.
        """
        with self._lock:
            if self._socket is None:
                raise UnitLost(f"{self._path}: the connection is closed; make a new one")
            with self._closing_on_failure():
                return self._exchange(self._socket, deque(bodies), onward)

    def _connect(self) -> socket.socket:
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            peer.settimeout(self._seconds)
            peer.connect(str(self._path))
        except (TimeoutError, BlockingIOError):  # the latter: a paused server's queue is full
            peer.close()
            raise self._timeout() from None
        except OSError as error:
            peer.close()
            raise unreachable(self._path, error) from error
        peer.setblocking(False)
        return peer

    def _negotiate(self, peer: socket.socket) -> codec.Dialect:
        deadline = time.monotonic() + self._seconds
        peer.send(bytes((codec.VERSION_OFFERED,)))
        self._wait(peer, deadline, writing=False)
        answer = peer.recv(1)
        if not answer:
            raise UnitLost(f"{self._path}: the unit closed the connection before a word; look at its log")
        self._reader.feed(answer)
        return codec.dialect(answer[0])

    def _exchange(self, peer: socket.socket, waiting: deque[bytes], onward: Onward | None) -> list[Frame]:
        first = self._code
        replies: list[Frame] = []
        taken, unsent = 0, b""
        deadline = time.monotonic() + self._seconds
        while waiting or taken > len(replies):
            ahead = taken - len(replies)
            if not unsent and waiting and ahead <= WINDOW // 2:
                until = taken + min(len(waiting), WINDOW - ahead)
                unsent = b"".join([encode(first + i, waiting.popleft()) for i in range(taken, until)])
                taken = until
            if unsent:
                unsent = self._send(peer, unsent)
            if taken - len(replies) >= GATHER_REPLIES:
                time.sleep(GATHER_SECONDS * (taken - len(replies)))
            if not self._wait(peer, deadline, writing=bool(unsent)):
                continue
            for frame in self._receive(peer):
                if len(replies) == taken or frame.code != first + len(replies):
                    raise ProtocolError(f"{self._path}: a reply to no outstanding request")
                replies.append(frame)
                deadline = time.monotonic() + self._seconds
                if onward and (body := onward(frame)):
                    waiting.append(body)
        self._code = FIRST_CODE + (first + taken - FIRST_CODE) % CODES
        return replies

    def _send(self, peer: socket.socket, data: bytes) -> bytes:
        try:
            return data[peer.send(data) :]
        except BlockingIOError:
            return data

    def _receive(self, peer: socket.socket) -> list[Frame]:
        data = peer.recv(_RECEIVE_BYTES)
        if not data:
            raise self._lost()
        return self._reader.feed(data)

    def _wait(self, peer: socket.socket, deadline: float, *, writing: bool) -> bool:
        """Return whether there is something to read; False: room to write."""
        self._poll.modify(peer, select.POLLIN | (select.POLLOUT if writing else 0))
        left = deadline - time.monotonic()
        ready = self._poll.poll(left * 1000 + 1) if left > 0 else []
        if not ready:
            raise self._timeout()
        return bool(ready[0][1] & ~select.POLLOUT)

    def _timeout(self) -> UnitTimeout:
        return UnitTimeout(f"{self._path}: no answer within {self._seconds:g} s; is the unit paused?")

    def _lost(self) -> UnitLost:
        """One text however a dead unit shows: which way it does is decided by what was still unread."""
        middle = " in the middle of a reply" if self._reader.pending else ""
        return UnitLost(f"{self._path}: the unit closed the connection{middle}; was it killed?")

    @contextmanager
    def _closing_on_failure(self) -> Iterator[None]:
        try:
            yield
        except (UnitTimeout, UnitLost):
            self.close()
            raise
        except (ConnectionResetError, BrokenPipeError) as error:
            self.close()
            raise self._lost() from error
        except OSError as error:
            self.close()
            raise UnitLost(f"{self._path}: {error.strerror or error}; was the unit killed?") from error


def open_connection(path: Path, seconds: float) -> Connection:
    """Connect, C_Initialize, and return the connection once an initialised token shows.

    Raises:
        UnitUnreachable, UnitTimeout, UnitLost: at once, see there.
        GeneralError, TokenAbsent: still so after all attempts.
    """
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(OPEN_ATTEMPTS) | tenacity.stop_after_delay(seconds),
        wait=tenacity.wait_random(0.005, 0.03),
        retry=tenacity.retry_if_exception_type((GeneralError, TokenAbsent)),
        reraise=True,
    )
    with _serialised(path, seconds):
        return retrying(_open_once, path, seconds)


def _open_once(path: Path, seconds: float) -> Connection:
    connection = Connection(path, seconds)
    try:
        connection.call("C_Initialize", HANDSHAKE, 0, b"\0")
        _require_token(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _require_token(connection: Connection) -> None:
    (slots,) = connection.call("C_GetSlotList", 1, SLOTS_MAX)
    flags = [connection.call("C_GetTokenInfo", slot)[4] for slot in slots]
    if not any(flag & TokenFlag.INITIALIZED for flag in flags):
        raise refusal(Rv.TOKEN_NOT_PRESENT, "C_GetTokenInfo", "the unit has no initialised token")


@contextmanager
def _serialised(path: Path, seconds: float) -> Iterator[None]:
    """Hold the lock file beside the socket; the kernel frees it when its holder dies."""
    try:
        descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise unreachable(path, error) from error
    try:
        _lock(descriptor, path, seconds)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path, seconds: float) -> None:
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_delay(seconds),
        wait=tenacity.wait_random(0.001, 0.004),
        retry=tenacity.retry_if_exception_type(BlockingIOError),
        reraise=True,
    )
    try:
        retrying(fcntl.flock, descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UnitTimeout(f"{path}: another client was still connecting after {seconds:g} s") from None
