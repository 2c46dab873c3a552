"""HTTP/1.1 messages between the programs of an instance: one request and one reply a connection.

Reading them is h11's: it takes bytes and gives events, and knows nothing of sockets, so both ends read a
message by the same rules. Writing one is four lines.
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass

import h11

HEAD_BYTES_MAX = 64 * 1024
BODY_BYTES_MAX = 16 * 2**20
CHUNK_BYTES = 16 * 1024  # a buffer of 128 KiB and more is mapped and unmapped at each read
_REPLY = b"HTTP/"
_ANY_REQUEST = h11.Request(method="GET", target="/", headers=[("Host", "localhost")])


class Malformed(Exception):
    """What came is no message that can be read here."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a reply: the three words of its first line, its fields by lower-case name, its body."""

    start: tuple[str, str, str]
    fields: Mapping[str, str]
    body: bytes


def parse(raw: bytes, *, ended: bool = False) -> Message | None:
    """Return the message that ``raw`` begins with; None while some of it is missing.

    ``ended``: no more will come, so that a reply without Content-Length is whole. Raises Malformed.
    """
    reader = _reader(is_reply=raw.startswith(_REPLY))
    reader.receive_data(raw)
    first: h11.Request | h11.Response | None = None
    body = b""
    while True:
        try:
            event = reader.next_event()
        except h11.RemoteProtocolError as error:
            if ended and reader.trailing_data == (b"", True):
                return None
            raise Malformed(str(error)) from error
        if event is h11.NEED_DATA and ended and not reader.trailing_data[1]:
            reader.receive_data(b"")
        elif isinstance(event, h11.Request | h11.Response):
            first = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > BODY_BYTES_MAX:
                raise Malformed(f"a body of more than {BODY_BYTES_MAX} bytes")
        elif isinstance(event, h11.EndOfMessage) and first:
            return _message(first, body)
        else:
            return None


def _reader(*, is_reply: bool) -> h11.Connection:
    if not is_reply:
        return h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES_MAX)
    reader = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES_MAX)
    reader.send(_ANY_REQUEST)
    reader.send(h11.EndOfMessage())
    return reader


def _message(first: h11.Request | h11.Response, body: bytes) -> Message:
    version = f"HTTP/{first.http_version.decode()}"
    fields = {name.decode("latin-1"): value.decode("latin-1") for name, value in first.headers}
    if isinstance(first, h11.Request):
        start = (first.method.decode(), first.target.decode("latin-1"), version)
    else:
        start = (version, str(first.status_code), first.reason.decode("latin-1"))
    return Message(start, fields, body)


def receive(end: socket.socket) -> tuple[bytes, Message]:
    """Read one message, and return it also as it came.

    Raises:
        EOFError: the other side has closed in mid-message.
        Malformed, OSError: see there.
    """
    raw = b""
    while True:
        chunk = end.recv(CHUNK_BYTES)
        raw += chunk
        message = parse(raw, ended=not chunk)
        if message is not None:
            return raw, message
        if not chunk:
            where = "in mid-message" if raw else "without response"
            raise EOFError(f"Remote end closed connection {where}")


def encode(start: str, fields: Mapping[str, str], body: bytes = b"") -> bytes:
    """Return a message as it travels; it ends its connection."""
    lines = [start, *(f"{name}: {value}" for name, value in fields.items())]
    lines += ["Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body
