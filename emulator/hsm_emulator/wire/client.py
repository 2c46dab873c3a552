"""PKCS#11 of a crypto unit over its p11-kit socket: UnitModule is the connection, Session logged in.

Every call has a deadline, and no call is ever sent twice. After UnitTimeout or UnitLost the connection is
closed: whether the call took effect is not known, so the caller looks before it decides, on a new Module.
Handles of sessions and of session objects die with the connection.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hsm_emulator.wire.call import Call
from hsm_emulator.wire.connection import SLOTS_MAX, Connection, Onward, open_connection
from hsm_emulator.wire.constants import Attribute, Mechanism, ObjectClass, Rv, SessionFlag, User
from hsm_emulator.wire.errors import P11Error, WrongMasterKey, refusal
from hsm_emulator.wire.frames import Frame
from hsm_emulator.wire.values import Absent, PackedTemplate, Template, Value

FOUND_PAGE = 256
PATTERN_PREFIX = b"\x01"


class Session:
    """A session on one token, logged in; made by UnitModule.open_session, good until its connection ends."""

    def __init__(self, connection: Connection, handle: int) -> None:
        self._connection = connection
        self._handle = handle

    def __repr__(self) -> str:
        return f"Session({self._handle})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._connection.closed:
            self.close()

    def close(self) -> None:
        """Close the session and with it its session objects."""
        self._one(Call("C_CloseSession", ()))

    def run(self, calls: Sequence[Call]) -> list[Any]:
        """Make independent calls, sent ahead of their replies; return their results in order.

        Each result is the value named at the Call's constructor, or the P11Error with which the unit refused
        that one. Raises UnitTimeout or UnitLost for the whole: then nothing is known of the calls.
        """
        connection, handle = self._connection, self._handle
        names = [call.name for call in calls]
        return self._made(names, [connection.encode(call.name, (handle, *call.arguments)) for call in calls])

    def each(self, call: Call, values: Sequence[Any]) -> list[Any]:
        """Make ``call`` once for each of ``values``, which takes the place of its argument EACH; as run().

        The quick way for many calls: what they have in common is encoded once.
        """
        return self._made([call.name] * len(values), map(self.series(call), values))

    def series(self, call: Call) -> Callable[[Any], bytes]:
        """Return what makes the body of ``call`` for a value that takes the place of its argument EACH."""
        return self._connection.series(call.name, (self._handle, *call.arguments))

    def exchange(self, bodies: Iterable[bytes], onward: Onward) -> None:
        """Send requests, and whatever ``onward`` makes of each reply, see Connection.exchange."""
        self._connection.exchange(bodies, onward)

    def result(self, name: str, reply: Frame) -> Any:  # noqa: ANN401  (the call decides)
        """Return the result of call ``name``, or the P11Error with which the unit refused it."""
        try:
            return _result(name, self._connection.decode(name, reply))
        except P11Error as error:
            return error

    def _made(self, names: Sequence[str], bodies: Iterable[bytes]) -> list[Any]:
        replies = self._connection.exchange(bodies)
        return [self.result(name, reply) for name, reply in zip(names, replies, strict=True)]

    def find(self, template: Template | PackedTemplate) -> list[int]:
        """Return the handles of all objects that have these attributes."""
        pages = 1
        while True:
            found = self._all(
                Call("C_FindObjectsInit", (template,)),
                *[Call("C_FindObjects", (FOUND_PAGE,))] * pages,
                Call("C_FindObjectsFinal", ()),
            )[1:-1]
            handles = [handle for page in found for handle in page]
            if len(handles) < pages * FOUND_PAGE:
                return handles
            pages *= 4

    def create(self, template: Template | PackedTemplate) -> int:
        """Make an object from its attributes and return its handle."""
        return int(self._one(Call.create(template)))

    def generate_key(self, mechanism: Mechanism, template: Template | PackedTemplate) -> int:
        """Make a secret key in the token and return its handle."""
        return int(self._one(Call.generate_key(mechanism, template)))

    def destroy(self, handle: int) -> None:
        """Destroy an object."""
        self._one(Call.destroy(handle))

    def wrap(self, mechanism: Mechanism, wrapping: int, key: int) -> bytes:
        """Return ``key`` wrapped under ``wrapping``, both handles."""
        return bytes(self._one(Call.wrap(mechanism, wrapping, key)))

    def unwrap(
        self, mechanism: Mechanism, unwrapping: int, blob: bytes, template: Template | PackedTemplate
    ) -> int:
        """Unwrap ``blob`` into an object of ``template`` and return its handle.

        GeneralError is all that SoftHSM says where the unwrapping key is not the one that wrapped.
        """
        return int(self._one(Call.unwrap(mechanism, unwrapping, blob, template)))

    def attributes(self, handle: int, kinds: Sequence[Attribute]) -> dict[Attribute, Value]:
        """Return the attributes asked for; AttributeSensitive or P11Error where one cannot be read."""
        values: dict[Attribute, Value] = self._one(Call.attributes(handle, kinds))
        return values

    def digest_key_pattern(self, handle: int) -> bytes:
        """Return the verification pattern of a key, SHA-256(0x01 || key), computed inside the token."""
        return bytes(
            self._all(
                Call("C_DigestInit", (Mechanism.SHA256,)),
                Call("C_DigestUpdate", (PATTERN_PREFIX,)),
                Call("C_DigestKey", (handle,)),
                Call("C_DigestFinal", (sha256().digest_size,)),
            )[-1]
        )

    def master_key(self, key_id: bytes, pattern: bytes) -> int:
        """Return the handle of the master key with CKA_ID ``key_id`` (16 bytes) if it is the right one.

        Raises:
            WrongMasterKey: there is none, or its verification pattern is not ``pattern`` (32 bytes). To be
                asked before an unwrap, because SoftHSM answers only a general error to a wrong key.
        """
        template: Template = {
            Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.TOKEN: True, Attribute.ID: key_id,
        }  # fmt: skip
        found = None
        for handle in self.find(template):
            found = self.digest_key_pattern(handle)
            if found == pattern:
                return handle
        raise WrongMasterKey(pattern, found)

    def _one(self, call: Call) -> Any:  # noqa: ANN401  (the call decides, see the Call constructors)
        return self._all(call)[0]

    def _all(self, *calls: Call) -> list[Any]:
        """Make calls that belong together in one exchange; raise the first refusal among them."""
        results = self.run(calls)
        for result in results:
            if isinstance(result, P11Error):
                raise result
        return results


class UnitModule:
    """One connection to one unit's p11.sock, initialised; ``seconds`` is the deadline of every call.

    Raises:
        UnitUnreachable, UnitTimeout, UnitLost: see there.
        GeneralError, TokenAbsent: the unit answers, but its token stays unreadable.
    """

    def __init__(self, socket_path: Path, *, seconds: float = 5.0) -> None:
        self._path = socket_path
        self._connection = open_connection(socket_path, seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop the connection; sessions, logins and session objects end with it."""
        self._connection.close()

    def slots(self) -> list[int]:
        """Return the ids of the slots that hold a token."""
        return list(_result("C_GetSlotList", self._connection.call("C_GetSlotList", 1, SLOTS_MAX)))

    def token_label(self, slot: int) -> str:
        """Return the label of the token in a slot, without the padding."""
        return str(self._connection.call("C_GetTokenInfo", slot)[0].decode().rstrip(" "))

    def open_session(self, token_label: str, pin: str, *, rw: bool = False) -> Session:
        """Open a session on the token of that label and log in as user.

        PKCS#11 has one login for all sessions of a connection: where another session has logged in already,
        the PIN is not looked at again.

        Raises:
            TokenAbsent, PinIncorrect, PinLocked: see there; no session stays open.
        """
        slot = self._slot(token_label)
        flags = SessionFlag.SERIAL | (SessionFlag.RW if rw else 0)
        (handle,) = self._connection.call("C_OpenSession", slot, flags)
        try:
            self._connection.call("C_Login", handle, User.USER, pin.encode())
        except P11Error as error:
            if error.code != Rv.USER_ALREADY_LOGGED_IN:
                self._connection.call("C_CloseSession", handle)
                raise
        return Session(self._connection, handle)

    def _slot(self, token_label: str) -> int:
        labels = {self.token_label(slot): slot for slot in self.slots()}
        if token_label not in labels:
            present = ", ".join(sorted(label for label in labels if label)) or "none"
            hint = f"no token {token_label!r} at {self._path}; present: {present}"
            raise refusal(Rv.TOKEN_NOT_PRESENT, "C_GetTokenInfo", hint)
        return labels[token_label]


def _result(name: str, values: list[Any]) -> Any:  # noqa: ANN401  (the call decides)
    """Reduce the values of a reply to the result of its call."""
    if not values:
        return None
    if name == "C_GetAttributeValue":
        found, code = values
        if code != Rv.OK:
            raise refusal(code, name)
        return {Attribute(kind): value for kind, value in found.items()}
    if isinstance(values[0], Absent):
        raise refusal(Rv.BUFFER_TOO_SMALL, name, f"{values[0].length} needed")
    return values[0]
