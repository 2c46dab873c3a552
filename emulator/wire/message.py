"""HTTP/1.1 messages between the programs of an instance: one request and one reply a connection.

A head, then as many bytes as Content-Length says. Chunked bodies are refused.
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass

HEAD_BYTES_MAX = 64 * 1024
BODY_BYTES_MAX = 16 * 2**20
CHUNK_BYTES = 256 * 1024
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = "content-length"


class Malformed(Exception):
    """What came is no message that can be read here."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a reply: the three words of its first line, its fields by lower-case name, its body."""

    start: tuple[str, str, str]
    fields: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Head:
    start: tuple[str, str, str]
    fields: Mapping[str, str]
    size: int
    length: int | None  # None: the message does not say


def parse(raw: bytes, *, ended: bool = False) -> Message | None:
    """Return the message that ``raw`` begins with; None while some of it is missing.

    ``ended``: no more will come, so that a reply without Content-Length is whole. Raises Malformed.
    """
    head = _head(raw)
    if head is None:
        if len(raw) > HEAD_BYTES_MAX:
            raise Malformed(f"a head of more than {HEAD_BYTES_MAX} bytes")
        return None
    if head.length is None and head.start[0].startswith("HTTP/"):
        return Message(head.start, head.fields, raw[head.size :]) if ended else None
    end = head.size + (head.length or 0)
    return Message(head.start, head.fields, raw[head.size : end]) if len(raw) >= end else None


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


def _head(raw: bytes) -> _Head | None:
    size = raw.find(_END_OF_HEAD)
    if size < 0:
        return None
    first, *lines = raw[:size].decode("latin-1").split("\r\n")
    start = first.split(" ", 2)
    pairs = [line.partition(":") for line in lines]
    if not all(colon and name == name.strip() for name, colon, _ in pairs):
        raise Malformed("a header line without a name")
    fields = {name.lower(): value.strip() for name, _, value in pairs}
    if start[0].startswith("HTTP/"):
        start += [""] * (3 - len(start))  # the reason may be missing
    if len(start) != 3:
        raise Malformed(f"no first line: {first[:40]!r}")
    return _Head((start[0], start[1], start[2]), fields, size + len(_END_OF_HEAD), _length(fields))


def _length(fields: Mapping[str, str]) -> int | None:
    if "transfer-encoding" in fields:
        raise Malformed("a body without Content-Length")
    text = fields.get(_LENGTH)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and int(text) <= BODY_BYTES_MAX):
        raise Malformed(f"Content-Length is not a number up to {BODY_BYTES_MAX}")
    return int(text)
