"""How each type letter of the p11-kit protocol looks in bytes and in Python. Pure: no socket here.

    y, u  int                     ay  bytes or Absent             M   Mechanism or Parameterised
    s, z  bytes                   au  list of int or Absent       fy, fu  int (room in the answer)
    v     (major, minor)          aA  dict of attribute values    fA  list of (attribute type, room in bytes)

Does not model: attribute arrays in templates (CKA_WRAP_TEMPLATE and its like), and mechanism parameters other
than none or plain bytes (so no OAEP, PSS, GCM). Encoding one raises ValueError, decoding one ProtocolError.
Source: p11-kit's rpc-message.c of 0.24.1, and of 0.26.4 for what changed in 0.25.6.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NewType

from hsm_emulator.wire.constants import Attribute, Mechanism
from hsm_emulator.wire.errors import ProtocolError

NULL_LENGTH = 0xFFFFFFFF

Value = bool | int | bytes
Template = Mapping[Attribute, Value]
PackedTemplate = NewType("PackedTemplate", bytes)

_U32 = struct.Struct(">I")
_U64 = struct.Struct(">Q")
_ATTRIBUTE = struct.Struct(">IBI")
_PAIR = struct.Struct(">II")


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


def mechanism_before_0_25_6(value: Mechanism | Parameterised) -> bytes:
    """Encode M: u32 type, then the parameter with NULL for none."""
    if isinstance(value, Parameterised):
        return _U32.pack(value.mechanism) + _bytes(value.parameter)
    return _U32.pack(value) + _bytes(None)


def mechanism_since_0_25_6(value: Mechanism | Parameterised) -> bytes:
    """Encode M: u32 type, then a byte whether a parameter follows, unless the mechanism can have none."""
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


def read_mechanism_before_0_25_6(cursor: Cursor) -> Mechanism | Parameterised:
    """Decode M, see mechanism_before_0_25_6; ProtocolError for a mechanism without a name here."""
    mechanism, parameter = _known_mechanism(cursor.u32()), cursor.counted()
    return mechanism if parameter is None else Parameterised(mechanism, parameter)


def read_mechanism_since_0_25_6(cursor: Cursor) -> Mechanism | Parameterised:
    """Decode M, see mechanism_since_0_25_6; ProtocolError for a mechanism without a name here."""
    mechanism = _known_mechanism(cursor.u32())
    if mechanism in NEVER_PARAMETERISED or not cursor.byte():
        return mechanism
    return Parameterised(mechanism, cursor.counted() or b"")


def _read_pairs(cursor: Cursor) -> list[tuple[int, int]]:
    return [(cursor.u32(), cursor.u32()) for _ in range(cursor.u32())]


def shortcut(prefix: bytes, signature: str) -> Callable[[bytes], Any] | None:
    """Return a quick way to read bodies that hold one number or one byte array and nothing else.

    It returns None where a body is anything but that, which is then for DECODERS to read or to refuse.
    """
    if signature == "u":
        whole = struct.Struct(f">{len(prefix)}sQ")

        def number(body: bytes) -> int | None:
            if len(body) != whole.size:
                return None
            head, value = whole.unpack(body)
            return int(value) if head == prefix else None

        return number
    if signature == "ay":
        present = prefix + b"\1"
        start = len(present) + _U32.size

        def array(body: bytes) -> bytes | None:
            counted = body.startswith(present) and int.from_bytes(body[start - 4 : start], "big")
            return body[start:] if counted and counted == len(body) - start else None

        return array
    return None


ENCODERS: dict[str, Callable[[Any], bytes]] = {
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
DECODERS: dict[str, Callable[[Cursor], Any]] = {
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
