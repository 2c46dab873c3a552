"""Frames of the p11-kit remote protocol, and what can be told of one without decoding its arguments.

Each direction of a connection starts with one version byte, then frames follow (integers big-endian):

    u32 code | u32 options length | u32 body length | options | body
    body = u32 call | u32 signature length | signature | arguments

A reply echoes the code of its request and has its call number, or call 0 with one CKR value. The server works
strictly in order, so a client may send ahead. Whoever stands between the two (a fault proxy, a recorder)
needs no more than this module: frames pass whole, also those whose arguments codec.py cannot read.
Source: measured on p11-kit 0.24.1 and checked with its rpc-transport.c and rpc-message.c.
"""

import struct
from typing import NamedTuple

from hsm_emulator.wire.calls import BY_NUMBER, ERROR, CallSignature
from hsm_emulator.wire.constants import Rv
from hsm_emulator.wire.errors import ProtocolError

FRAME_BYTES_MAX = 16 * 1024 * 1024

_HEADER = struct.Struct(">III")
_WORDS = struct.Struct(">II")
_U64 = struct.Struct(">Q")


def prefix(call: int, signature: str) -> bytes:
    """Return the start of a body: call number and signature."""
    return _WORDS.pack(call, len(signature)) + signature.encode()


ERROR_PREFIX = prefix(ERROR, "u")


def encode(code: int, body: bytes) -> bytes:
    """Return a frame without options as it travels."""
    return _HEADER.pack(code, 0, len(body)) + body


class Frame(NamedTuple):
    """One message of either direction; its repr keeps the body out, a login holds a PIN."""

    code: int
    body: bytes
    options: bytes = b""

    def encode(self) -> bytes:
        """Return the bytes of this frame as they travel."""
        return _HEADER.pack(self.code, len(self.options), len(self.body)) + self.options + self.body

    def __repr__(self) -> str:
        return f"Frame(code={self.code}, {len(self.body)} bytes)"


class FrameReader:
    """Cuts a stream of one direction into its version byte and its frames, however the bytes arrive."""

    def __init__(self) -> None:
        self.version: int | None = None
        self._buffer = b""

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes in; return the frames that are complete now. ProtocolError: absurd lengths."""
        buffer = self._buffer + data if self._buffer else data
        offset = 0
        if self.version is None and buffer:
            self.version, offset = buffer[0], 1
        frames = []
        size = len(buffer)
        while size - offset >= _HEADER.size:
            code, options_length, body_length = _HEADER.unpack_from(buffer, offset)
            if options_length + body_length > FRAME_BYTES_MAX:
                raise ProtocolError(f"frame of {options_length + body_length} bytes announced; not p11-kit?")
            start = offset + _HEADER.size + options_length
            end = start + body_length
            if end > size:
                break
            frames.append(Frame(code, buffer[start:end], buffer[offset + _HEADER.size : start]))
            offset = end
        self._buffer = buffer[offset:]
        return frames

    @property
    def pending(self) -> int:
        """How many bytes of an incomplete frame are held."""
        return len(self._buffer)


def call(request: Frame) -> CallSignature:
    """Return the call that a request makes; ProtocolError where the protocol has no such number."""
    number = int.from_bytes(request.body[:4], "big")
    if len(request.body) < _WORDS.size or number not in BY_NUMBER:
        raise ProtocolError(f"call number {number} is not in the table of p11-kit 0.24")
    return BY_NUMBER[number]


def call_name(request: Frame) -> str:
    """Return the PKCS#11 name of the call that a request makes, like C_WrapKey."""
    return call(request).name


def reply_code(reply: Frame) -> int:
    """Return the CKR value of a reply: CKR_OK, or what an error reply says.

    C_GetAttributeValue and size queries report some conditions inside an ordinary reply; that is CKR_OK here.
    """
    if not reply.body.startswith(ERROR_PREFIX):
        return Rv.OK
    if len(reply.body) != len(ERROR_PREFIX) + _U64.size:
        raise ProtocolError("malformed error reply")
    return int(_U64.unpack_from(reply.body, len(ERROR_PREFIX))[0])


def error_reply(request: Frame, rv: int) -> Frame:
    """Return the frame with which a server answers CKR value ``rv`` to ``request``."""
    return Frame(request.code, ERROR_PREFIX + _U64.pack(rv))
