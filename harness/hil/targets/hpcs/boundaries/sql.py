"""The exchange of a relay on the wire between kms and database server: PostgreSQL's protocol, version 3.

What the client sends up to the end of a turn (a simple query, or Sync) is let through at once, and so is the
server's answer up to ReadyForQuery. A turn that commits is an event of its own: before it is forwarded, and
after it was answered. So the kms dies, or the server, with the transaction ready to commit, or committed with
nobody told. What commits by itself, a statement outside of a transaction, is no event.

Not carried: COPY, pipelines that flush, encryption. The kms needs none of them on a Unix socket.
"""

import select
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from hil.model.faults import EventClass, Process
from hil.targets.hpcs.boundaries.conductor import SQL_COMMIT, Conductor
from hil.targets.hpcs.boundaries.crossing import Crossing, Passage
from hil.targets.hpcs.boundaries.relay import Exchange, peer_pid
from hsm_emulator.wire.message import Malformed

_LENGTH = struct.Struct("!i")
MESSAGE_BYTES_MAX = 64 * 2**20
CANCEL, ENCRYPT = 80877102, (80877103, 80877104)
NEEDS_ANSWER = frozenset({3, 5, 7, 8, 9, 10, 11})  # requests of the server for a proof of the client
COMMITS = frozenset({b"COMMIT", b"END"})


@dataclass
class Serving:
    """Which process of the server is behind the commit that is crossing: the victim, where it is to die."""

    pid: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class SqlMessage:
    """A message with its type, as it stands on the wire in ``raw``."""

    kind: bytes
    body: bytes

    @property
    def raw(self) -> bytes:
        """Return the bytes of the message."""
        return self.kind + _LENGTH.pack(len(self.body) + 4) + self.body


def exchange(conductor: Conductor, client: Process, server: Process, serving: Serving) -> Exchange:
    """Return an exchange that orders every commit."""

    def run(downstream: socket.socket, upstream: socket.socket) -> None:
        pid = peer_pid(downstream)
        backend = _begin(downstream, upstream)
        commits = Commits()
        replies = _messages(upstream)
        for turn in _turns(_messages(downstream)):
            if not commits.any_of(turn):
                _forward(turn, upstream)
                _answer(replies, downstream)
                continue
            with serving.lock:
                serving.pid = backend
                crossing = conductor.before(EventClass.DATABASE, SQL_COMMIT, client, server, pid)
            reply = b""
            if crossing.passes:
                with conductor.under_way(crossing):
                    _forward(turn, upstream)
                    reply = b"".join(message.raw for message in _reply(replies))
                    with serving.lock:
                        serving.pid = backend
                        crossing = conductor.after(crossing)
            _settle(crossing, reply, upstream, downstream)

    return run


def _settle(crossing: Crossing, reply: bytes, upstream: socket.socket, downstream: socket.socket) -> None:
    """Give the client its reply; EOFError where it gets none, or one that ends the connection."""
    if crossing.passage is Passage.ERROR:
        downstream.sendall(_fatal(crossing.error))
        raise EOFError
    if crossing.passage is Passage.DROP or _gone(upstream):
        raise EOFError
    downstream.sendall(reply)


class Commits:
    """Knows of one connection which of its prepared statements and portals commit."""

    def __init__(self) -> None:
        self._statements: dict[bytes, bool] = {}
        self._portals: dict[bytes, bool] = {}

    def any_of(self, turn: Sequence[SqlMessage]) -> bool:
        """Whether a turn makes the server commit; each message is looked at, as it may be the name of one."""
        return any(tuple(self._takes(message) for message in turn))

    def _takes(self, message: SqlMessage) -> bool:
        match message.kind:
            case b"Q":
                return _commits(message.body)
            case b"P":
                name, query = _strings(message.body, 2)
                self._statements[name] = _commits(query)
            case b"B":
                portal, statement = _strings(message.body, 2)
                self._portals[portal] = self._statements.get(statement, False)
            case b"E":
                return self._portals.get(_strings(message.body, 1)[0], False)
        return False


def _begin(downstream: socket.socket, upstream: socket.socket) -> int:
    """Let the client log in; return the process id of the server that serves it. EOFError: it was refused."""
    backend = 0
    while True:
        length = _LENGTH.unpack(_exactly(downstream, 4))[0]
        body = _exactly(downstream, _checked(length) - 4)
        code = _LENGTH.unpack(body[:4])[0]
        if code not in ENCRYPT:
            break
        downstream.sendall(b"N")
    upstream.sendall(_LENGTH.pack(length) + body)
    if code == CANCEL:
        raise EOFError
    asked = _messages(downstream)
    for message in _messages(upstream):
        downstream.sendall(message.raw)
        if message.kind == b"Z":
            return backend
        if message.kind == b"K":
            backend = _LENGTH.unpack(message.body[:4])[0]
        elif message.kind == b"R" and _LENGTH.unpack(message.body[:4])[0] in NEEDS_ANSWER:
            upstream.sendall(next(asked).raw)
    raise EOFError


def _turns(messages: Iterator[SqlMessage]) -> Iterator[Sequence[SqlMessage]]:
    """Yield what the client sends until it waits for an answer."""
    turn: list[SqlMessage] = []
    for message in messages:
        turn.append(message)
        if message.kind == b"X":
            return
        if message.kind in b"QS":
            yield turn
            turn = []
        elif message.kind == b"H":
            raise Malformed("a pipeline that flushes is not carried")


def _reply(replies: Iterator[SqlMessage]) -> Iterator[SqlMessage]:
    """Yield the server's answer to a turn, ReadyForQuery included."""
    for message in replies:
        yield message
        if message.kind == b"Z":
            return
        if message.kind in b"GHW":
            raise Malformed("COPY is not carried")


def _forward(turn: Sequence[SqlMessage], upstream: socket.socket) -> None:
    upstream.sendall(b"".join(message.raw for message in turn))


def _answer(replies: Iterator[SqlMessage], downstream: socket.socket) -> None:
    downstream.sendall(b"".join(message.raw for message in _reply(replies)))


def _messages(end: socket.socket) -> Iterator[SqlMessage]:
    """Yield messages; EOFError where the connection ends."""
    while True:
        head = _exactly(end, 5)
        length = _checked(_LENGTH.unpack(head[1:])[0])
        yield SqlMessage(head[:1], _exactly(end, length - 4))


def _checked(length: int) -> int:
    if not 4 <= length <= MESSAGE_BYTES_MAX:
        raise Malformed(f"a message of {length} bytes")
    return length


def _exactly(end: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        data = end.recv(size - len(parts))
        if not data:
            raise EOFError
        parts += data
    return bytes(parts)


def _strings(body: bytes, count: int) -> list[bytes]:
    return body.split(b"\0", count)[:count]


def _commits(query: bytes) -> bool:
    words = query.rstrip(b"\0; \n").upper().split(maxsplit=1)
    return bool(words) and words[0] in COMMITS


def _gone(end: socket.socket) -> bool:
    """Whether the server has hung up: its process has died, and nobody is told what it had done."""
    waiting = select.poll()
    waiting.register(end, select.POLLIN | select.POLLRDHUP)
    return any(event & (select.POLLRDHUP | select.POLLHUP | select.POLLERR) for _, event in waiting.poll(0))


def _fatal(code: str) -> bytes:
    """Return the error with which a server ends a connection; ``code`` is its SQLSTATE."""
    fields = (b"SFATAL", b"VFATAL", f"C{code}".encode(), b"Mterminating connection", b"")
    return SqlMessage(b"E", b"\0".join(fields) + b"\0").raw
