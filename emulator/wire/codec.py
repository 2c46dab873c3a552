"""The typed bodies of the p11-kit remote protocol, in bytes. Pure: no socket here.

Models the arguments of every call of PKCS#11 2.40 as the `p11-kit server` of Debian (0.24.1) reads and writes
them; checked with p11-kit's rpc-message.c. Versions of the protocol: 0 up to p11-kit 0.24, 1 from 0.25.0; 2 came
with 0.25.6, which changed how a mechanism travels. A Dialect is one such way. Python types of the letters:

    y, u  int                     ay  bytes or Absent             M   Mechanism or Parameterised
    s, z  bytes                   au  list of int or Absent       fy, fu  int (room in the answer)
    v     (major, minor)          aA  dict of attribute values    fA  list of (attribute type, room in bytes)

Why a client of our own: the stock p11-kit-client.so carries only mechanisms whose parameters it knows, and
refuses CKM_AES_KEY_WRAP with CKR_MECHANISM_INVALID in every version up to 0.26.4. The server does not care.

Does not model: attribute arrays in templates (CKA_WRAP_TEMPLATE and its like), and mechanism parameters other
than none or plain bytes (so no OAEP, PSS, GCM). Encoding one raises ValueError, decoding one ProtocolError.
"""

import re
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NewType

from emulator.wire import frames
from emulator.wire.calls import SIGNATURES, Signature
from emulator.wire.constants import Attribute, Mechanism
from emulator.wire.errors import ProtocolError, UnsupportedVersion, refusal

VERSION_OFFERED = 2
NULL_LENGTH = 0xFFFFFFFF

Value = bool | int | bytes
Template = Mapping[Attribute, Value]
PackedTemplate = NewType("PackedTemplate", bytes)

_U32 = struct.Struct(">I")
_U64 = struct.Struct(">Q")
_ATTRIBUTE = struct.Struct(">IBI")
_PAIR = struct.Struct(">II")
_LETTERS = re.compile("ay|au|aA|fy|fu|fA|[yuszvM]")


@dataclass(frozen=True)
class Absent:
    """An array that is not there: NULL in a request, or only its ``length`` in a size answer."""

    length: int = 0


@dataclass(frozen=True)
class Parameterised:
    """A mechanism with a plain byte parameter, such as the initialisation vector of CKM_AES_CBC."""

    mechanism: Mechanism
    parameter: bytes


# How the value of an attribute travels follows from its type, on both sides; all others are plain bytes.
BOOLEANS = frozenset({
    Attribute.TOKEN, Attribute.PRIVATE, Attribute.SENSITIVE, Attribute.ENCRYPT, Attribute.DECRYPT,
    Attribute.WRAP, Attribute.UNWRAP, Attribute.SIGN, Attribute.VERIFY, Attribute.DERIVE,
    Attribute.EXTRACTABLE, Attribute.LOCAL, Attribute.NEVER_EXTRACTABLE, Attribute.ALWAYS_SENSITIVE,
    Attribute.MODIFIABLE, Attribute.COPYABLE, Attribute.WRAP_WITH_TRUSTED,
})  # fmt: skip
NUMBERS = frozenset({
    Attribute.CLASS, Attribute.KEY_TYPE, Attribute.MODULUS_BITS, Attribute.VALUE_BITS, Attribute.VALUE_LEN,
    Attribute.KEY_GEN_MECHANISM,
})  # fmt: skip
ARRAY_ATTRIBUTE = 0x40000000

# From 0.25.6 on nothing at all follows these; p11-kit's table, as far as Mechanism names its members.
NEVER_PARAMETERISED = frozenset({
    Mechanism.RSA_PKCS_KEY_PAIR_GEN, Mechanism.SHA_1, Mechanism.SHA256, Mechanism.SHA256_HMAC,
    Mechanism.SHA384, Mechanism.SHA512, Mechanism.GENERIC_SECRET_KEY_GEN, Mechanism.EC_KEY_PAIR_GEN,
    Mechanism.ECDSA, Mechanism.AES_KEY_GEN, Mechanism.AES_ECB, Mechanism.AES_CMAC,
})  # fmt: skip


class Cursor:
    """A position in the arguments of a body; reading past the end raises ProtocolError."""

    __slots__ = ("data", "offset")

    def __init__(self, data: bytes, offset: int = 0) -> None:
        self.data = data
        self.offset = offset

    def take(self, length: int) -> bytes:
        """Return the next ``length`` bytes."""
        end = self.offset + length
        if end > len(self.data):
            raise ProtocolError("body shorter than its signature says")
        chunk = self.data[self.offset : end]
        self.offset = end
        return chunk

    def byte(self) -> int:
        """Return the next u8."""
        return self.take(1)[0]

    def u32(self) -> int:
        """Return the next u32."""
        return int.from_bytes(self.take(4), "big")

    def u64(self) -> int:
        """Return the next u64."""
        return int.from_bytes(self.take(8), "big")

    def counted(self) -> bytes | None:
        """Return the next byte string with its length in front, None for NULL."""
        length = self.u32()
        return None if length == NULL_LENGTH else self.take(length)


def _bytes(value: bytes | None) -> bytes:
    return _U32.pack(NULL_LENGTH) if value is None else _U32.pack(len(value)) + value


def _byte_array(value: bytes | Absent) -> bytes:
    if isinstance(value, Absent):
        return b"\0" + _U32.pack(value.length)
    return b"\1" + _U32.pack(len(value)) + value


def _number_array(value: Sequence[int] | Absent) -> bytes:
    if isinstance(value, Absent):
        return b"\0" + _U32.pack(value.length)
    return struct.pack(f">BI{len(value)}Q", 1, len(value), *value)


def _rooms(value: Sequence[tuple[int, int]]) -> bytes:
    return _U32.pack(len(value)) + b"".join(_PAIR.pack(*pair) for pair in value)


def _attribute(kind: int, value: Value | None) -> bytes:
    if kind & ARRAY_ATTRIBUTE:
        raise ValueError(f"attribute 0x{kind:X} is an array, which this client does not carry")
    if value is None:
        return _U32.pack(kind) + b"\0"
    if kind in BOOLEANS:
        return _ATTRIBUTE.pack(kind, 1, 1) + (b"\1" if value else b"\0")
    if kind in NUMBERS:
        return _ATTRIBUTE.pack(kind, 1, 8) + _U64.pack(value)
    if not isinstance(value, bytes):
        raise TypeError(f"attribute 0x{kind:X} takes bytes, not {type(value).__name__}")
    return _ATTRIBUTE.pack(kind, 1, len(value)) + _bytes(value)


def pack_template(template: Template | PackedTemplate) -> PackedTemplate:
    """Return a template as it travels, so that a caller who uses one often packs it once."""
    if isinstance(template, bytes):
        return template
    packed = b"".join([_attribute(kind, value) for kind, value in template.items()])
    return PackedTemplate(_U32.pack(len(template)) + packed)


def _mechanism_before_0_25_6(value: Mechanism | Parameterised) -> bytes:
    if isinstance(value, Parameterised):
        return _U32.pack(value.mechanism) + _bytes(value.parameter)
    return _U32.pack(value) + _bytes(None)


def _mechanism_since_0_25_6(value: Mechanism | Parameterised) -> bytes:
    if isinstance(value, Parameterised):
        return _U32.pack(value.mechanism) + b"\1" + _bytes(value.parameter)
    return _U32.pack(value) + (b"" if value in NEVER_PARAMETERISED else b"\0")


def _read_byte_array(cursor: Cursor) -> bytes | Absent:
    if not cursor.byte():
        return Absent(cursor.u32())
    return cursor.counted() or b""


def _read_number_array(cursor: Cursor) -> list[int] | Absent:
    present, count = cursor.byte(), cursor.u32()
    if not present:
        return Absent(count)
    return list(struct.unpack(f">{count}Q", cursor.take(8 * count)))


def _read_attributes(cursor: Cursor) -> dict[int, Value | None]:
    found: dict[int, Value | None] = {}
    for _ in range(cursor.u32()):
        kind, valid = cursor.u32(), cursor.byte()
        if kind & ARRAY_ATTRIBUTE:
            raise ProtocolError(f"attribute 0x{kind:X} is an array, which this client does not carry")
        found[kind] = _read_value(cursor, kind) if valid else None
    return found


def _read_value(cursor: Cursor, kind: int) -> Value:
    cursor.u32()  # the length in the peer's memory; the value repeats what matters of it
    if kind in BOOLEANS:
        return bool(cursor.byte())
    if kind in NUMBERS:
        return cursor.u64()
    return cursor.counted() or b""


def _known_mechanism(number: int) -> Mechanism:
    try:
        return Mechanism(number)
    except ValueError:
        raise ProtocolError(f"mechanism 0x{number:X} is not in the table of this client") from None


def _read_mechanism_before_0_25_6(cursor: Cursor) -> Mechanism | Parameterised:
    mechanism, parameter = _known_mechanism(cursor.u32()), cursor.counted()
    return mechanism if parameter is None else Parameterised(mechanism, parameter)


def _read_mechanism_since_0_25_6(cursor: Cursor) -> Mechanism | Parameterised:
    mechanism = _known_mechanism(cursor.u32())
    if mechanism in NEVER_PARAMETERISED or not cursor.byte():
        return mechanism
    return Parameterised(mechanism, cursor.counted() or b"")


def _read_pairs(cursor: Cursor) -> list[tuple[int, int]]:
    return [(cursor.u32(), cursor.u32()) for _ in range(cursor.u32())]


_ENCODERS: dict[str, Callable[[Any], bytes]] = {
    "y": lambda value: bytes((value,)),
    "u": _U64.pack,
    "s": _bytes,
    "z": _bytes,
    "v": bytes,
    "ay": _byte_array,
    "au": _number_array,
    "aA": pack_template,
    "fy": _U32.pack,
    "fu": _U32.pack,
    "fA": _rooms,
}
_DECODERS: dict[str, Callable[[Cursor], Any]] = {
    "y": Cursor.byte,
    "u": Cursor.u64,
    "s": lambda cursor: cursor.counted() or b"",
    "z": lambda cursor: cursor.counted() or b"",
    "v": lambda cursor: tuple(cursor.take(2)),
    "ay": _read_byte_array,
    "au": _read_number_array,
    "aA": _read_attributes,
    "fy": Cursor.u32,
    "fu": Cursor.u32,
    "fA": _read_pairs,
}


class _Compiled:
    """The encoders and decoders of one call, looked up once."""

    __slots__ = (
        "decode_reply",
        "decode_request",
        "encode_reply",
        "encode_request",
        "name",
        "reply",
        "request",
    )

    def __init__(self, call: Signature, encoders: dict[str, Any], decoders: dict[str, Any]) -> None:
        self.name = call.name
        self.request = frames.prefix(call.number, call.request)
        self.reply = frames.prefix(call.number, call.reply)
        self.encode_request = [encoders[letter] for letter in _LETTERS.findall(call.request)]
        self.decode_request = [decoders[letter] for letter in _LETTERS.findall(call.request)]
        self.encode_reply = [encoders[letter] for letter in _LETTERS.findall(call.reply)]
        self.decode_reply = [decoders[letter] for letter in _LETTERS.findall(call.reply)]


def _decode(body: bytes, prefix: bytes, decoders: Iterable[Callable[[Cursor], Any]], name: str) -> list[Any]:
    if not body.startswith(prefix):
        raise ProtocolError(f"{name}: the peer's message has another call number or signature")
    cursor = Cursor(body, len(prefix))
    values = [decode(cursor) for decode in decoders]
    if cursor.offset != len(body):
        raise ProtocolError(f"{name}: body longer than its signature says")
    return values


class Dialect:
    """One way of writing bodies; the two that exist are BEFORE_0_25_6 and SINCE_0_25_6."""

    def __init__(
        self,
        mechanism: Callable[[Mechanism | Parameterised], bytes],
        read_mechanism: Callable[[Cursor], Mechanism | Parameterised],
    ) -> None:
        encoders = {**_ENCODERS, "M": mechanism}
        decoders = {**_DECODERS, "M": read_mechanism}
        self._calls = {call.name: _Compiled(call, encoders, decoders) for call in SIGNATURES}

    def request(self, name: str, arguments: Sequence[Any]) -> bytes:
        """Return the body of a request; ``arguments`` in the Python types of the call's letters."""
        call = self._calls[name]
        parts = [encode(value) for encode, value in zip(call.encode_request, arguments, strict=True)]
        return call.request + b"".join(parts)

    def reply(self, name: str, values: Sequence[Any]) -> bytes:
        """Return the body of a reply, as a server would write it."""
        call = self._calls[name]
        parts = [encode(value) for encode, value in zip(call.encode_reply, values, strict=True)]
        return call.reply + b"".join(parts)

    def arguments(self, request: frames.Frame) -> list[Any]:
        """Return the arguments of a request frame. ProtocolError: not a well-formed request."""
        call = self._calls[frames.call_name(request)]
        return _decode(request.body, call.request, call.decode_request, call.name)

    def values(self, name: str, reply: frames.Frame) -> list[Any]:
        """Return what the reply to call ``name`` holds; P11Error: a refusal, ProtocolError: nonsense."""
        call = self._calls[name]
        if not reply.body.startswith(call.reply) and (code := frames.reply_code(reply)):
            raise refusal(code, name)
        return _decode(reply.body, call.reply, call.decode_reply, name)


BEFORE_0_25_6 = Dialect(_mechanism_before_0_25_6, _read_mechanism_before_0_25_6)
SINCE_0_25_6 = Dialect(_mechanism_since_0_25_6, _read_mechanism_since_0_25_6)


def dialect(version: int) -> Dialect:
    """Return how the peer that answered ``version`` reads and writes bodies."""
    if version > VERSION_OFFERED:
        raise UnsupportedVersion(
            f"the peer answered protocol version {version}, this client knows 0 to {VERSION_OFFERED}; "
            "is it a p11-kit server?"
        )
    return SINCE_0_25_6 if version == VERSION_OFFERED else BEFORE_0_25_6
