"""HTTP/1.1 messages between the programs of an instance: one request and one reply a connection.

Reading them is h11's: it takes bytes and gives events, and knows nothing of sockets, so both ends read a
message by the same rules. Writing one is four lines.
"""

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

import h11

HEAD_BYTES_MAX = 64 * 1024
BODY_BYTES_MAX = 16 * 2**20
CHUNK_BYTES = 16 * 1024  # a buffer of 128 KiB and more is mapped and unmapped at each read
_ANY_REQUEST = h11.Request(method="GET", target="/", headers=[("Host", "localhost")])


class Malformed(Exception):
    """What came is no message that can be read here."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a reply: the three words of its first line, its fields by lower-case name, its body."""

    start: tuple[str, str, str]
    fields: Mapping[str, str]
    body: bytes


class Reader:
    """Reads one message piece by piece: a request, or a reply where ``replies``."""

    def __init__(self, *, replies: bool = False) -> None:
        self._h11 = h11.Connection(
            h11.CLIENT if replies else h11.SERVER, max_incomplete_event_size=HEAD_BYTES_MAX
        )
        if replies:
            self._h11.send(_ANY_REQUEST)
            self._h11.send(h11.EndOfMessage())
        self._first: h11.Request | h11.Response | None = None
        self._body = bytearray()

    def take(self, chunk: bytes) -> Message | None:
        """Take what has come, nothing at the end of the stream; return the message once it is whole.

        A reply without Content-Length is whole at the end. Raises Malformed.
        """
        self._h11.receive_data(chunk)
        while True:
            try:
                event = self._h11.next_event()
            except h11.RemoteProtocolError as error:
                if not chunk and not self._h11.trailing_data[0]:
                    return None
                raise Malformed(str(error)) from error
            if isinstance(event, h11.Request | h11.Response):
                self._first = event
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > BODY_BYTES_MAX:
                    raise Malformed(f"a body of more than {BODY_BYTES_MAX} bytes")
            elif isinstance(event, h11.EndOfMessage) and self._first:
                return _message(self._first, bytes(self._body))
            else:
                return None


def _message(first: h11.Request | h11.Response, body: bytes) -> Message:
    version = f"HTTP/{first.http_version.decode()}"
    fields = {name.decode("latin-1"): value.decode("latin-1") for name, value in first.headers}
    if isinstance(first, h11.Request):
        start = (first.method.decode(), first.target.decode("latin-1"), version)
    else:
        start = (version, str(first.status_code), first.reason.decode("latin-1"))
    return Message(start, fields, body)


def receive(end: socket.socket, deadline: float) -> Message:
    """Read one reply until ``deadline`` on the monotonic clock, however slowly it comes.

    A reset is an end as well: it says that the other side has left something unread, which is chance.

    Raises:
        EOFError: the other side has closed in mid-message.
        Malformed, OSError: see there; TimeoutError.
    """
    reader = Reader(replies=True)
    where = "without response"
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        end.settimeout(left)
        try:
            chunk = end.recv(CHUNK_BYTES)
        except ConnectionResetError as error:
            raise _ended(where) from error
        message = reader.take(chunk)
        if message is not None:
            return message
        if not chunk:
            raise _ended(where)
        where = "in mid-message"


def _ended(where: str) -> EOFError:
    return EOFError(f"Remote end closed connection {where}")


def encode(start: str, fields: Mapping[str, str], body: bytes = b"") -> bytes:
    """Return a message as it travels; it ends its connection."""
    lines = [start, *(f"{name}: {value}" for name, value in fields.items())]
    lines += ["Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body
