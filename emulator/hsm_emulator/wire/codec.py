"""The bodies of the p11-kit remote protocol: every call of PKCS#11 2.40, both directions, two dialects.

Versions of the protocol: 0 up to p11-kit 0.24, 1 from 0.25.0; 2 came with 0.25.6, which changed how a
mechanism travels. A Dialect is one such way; a peer of a later version is refused. The tests run against
the p11-kit on PATH: Debian's 0.24.1 (version 0), and 0.26.4 built from source (version 2) passed them
too; version 1 is read from p11-kit's sources only.

Why a client of our own: the stock p11-kit-client.so carries only mechanisms whose parameters it knows, and
refuses CKM_AES_KEY_WRAP with CKR_MECHANISM_INVALID in every version up to 0.26.4. The server does not care.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hsm_emulator.wire import frames, values
from hsm_emulator.wire.calls import SIGNATURES, CallSignature
from hsm_emulator.wire.constants import Mechanism
from hsm_emulator.wire.errors import ProtocolError, UnsupportedVersion, refusal
from hsm_emulator.wire.values import Cursor, Parameterised

VERSION_OFFERED = 2


class Each:
    """Stands for the argument that differs from call to call of one series, see Dialect.series."""


EACH = Each()

_LETTERS = re.compile("ay|au|aA|fy|fu|fA|[yuszvM]")


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
        "shortcut",
    )

    def __init__(self, call: CallSignature, encoders: dict[str, Any], decoders: dict[str, Any]) -> None:
        self.name = call.name
        self.request = frames.prefix(call.number, call.request)
        self.reply = frames.prefix(call.number, call.reply)
        self.encode_request = [encoders[letter] for letter in _LETTERS.findall(call.request)]
        self.decode_request = [decoders[letter] for letter in _LETTERS.findall(call.request)]
        self.encode_reply = [encoders[letter] for letter in _LETTERS.findall(call.reply)]
        self.decode_reply = [decoders[letter] for letter in _LETTERS.findall(call.reply)]
        self.shortcut = values.shortcut(self.reply, call.reply)


def _decode(body: bytes, prefix: bytes, decoders: Iterable[Callable[[Cursor], Any]], name: str) -> list[Any]:
    if not body.startswith(prefix):
        raise ProtocolError(f"{name}: the peer's message has another call number or signature")
    cursor = Cursor(body, len(prefix))
    decoded = [decode(cursor) for decode in decoders]
    if cursor.offset != len(body):
        raise ProtocolError(f"{name}: body longer than its signature says")
    return decoded


class Dialect:
    """One way of writing bodies; the two that exist are BEFORE_0_25_6 and SINCE_0_25_6."""

    def __init__(
        self,
        mechanism: Callable[[Mechanism | Parameterised], bytes],
        read_mechanism: Callable[[Cursor], Mechanism | Parameterised],
    ) -> None:
        encoders = {**values.ENCODERS, "M": mechanism}
        decoders = {**values.DECODERS, "M": read_mechanism}
        self._calls = {call.name: _Compiled(call, encoders, decoders) for call in SIGNATURES}

    def request(self, name: str, arguments: Sequence[Any]) -> bytes:
        """Return the body of a request; ``arguments`` in the Python types of the call's letters."""
        call = self._calls[name]
        parts = [encode(value) for encode, value in zip(call.encode_request, arguments, strict=True)]
        return call.request + b"".join(parts)

    def series(self, name: str, arguments: Sequence[Any]) -> Callable[[Any], bytes]:
        """Return what makes bodies of requests that differ in one argument, the one that is EACH.

        What the requests have in common is encoded once: half of what a rewrap costs its client otherwise.
        """
        call, at = self._calls[name], arguments.index(EACH)
        encoders = call.encode_request
        before = [encode(value) for encode, value in zip(encoders[:at], arguments[:at], strict=True)]
        after = [encode(value) for encode, value in zip(encoders[at + 1 :], arguments[at + 1 :], strict=True)]
        head, tail, encode = call.request + b"".join(before), b"".join(after), encoders[at]
        return lambda value: head + encode(value) + tail

    def reply(self, name: str, results: Sequence[Any]) -> bytes:
        """Return the body of a reply, as a server would write it."""
        call = self._calls[name]
        parts = [encode(value) for encode, value in zip(call.encode_reply, results, strict=True)]
        return call.reply + b"".join(parts)

    def arguments(self, request: frames.Frame) -> list[Any]:
        """Return the arguments of a request frame. ProtocolError: not a well-formed request."""
        call = self._calls[frames.call_name(request)]
        return _decode(request.body, call.request, call.decode_request, call.name)

    def values(self, name: str, reply: frames.Frame) -> list[Any]:
        """Return what the reply to call ``name`` holds; P11Error: a refusal, ProtocolError: nonsense."""
        call = self._calls[name]
        if call.shortcut and (value := call.shortcut(reply.body)) is not None:
            return [value]
        if not reply.body.startswith(call.reply) and (code := frames.reply_code(reply)):
            raise refusal(code, name)
        return _decode(reply.body, call.reply, call.decode_reply, name)


BEFORE_0_25_6 = Dialect(values.mechanism_before_0_25_6, values.read_mechanism_before_0_25_6)
SINCE_0_25_6 = Dialect(values.mechanism_since_0_25_6, values.read_mechanism_since_0_25_6)


def dialect(version: int) -> Dialect:
    """Return how the peer that answered ``version`` reads and writes bodies."""
    if version > VERSION_OFFERED:
        raise UnsupportedVersion(
            f"the peer answered protocol version {version}, this client knows 0 to {VERSION_OFFERED}; "
            "is it a p11-kit server?"
        )
    return SINCE_0_25_6 if version == VERSION_OFFERED else BEFORE_0_25_6
