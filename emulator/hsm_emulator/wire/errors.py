"""What can go wrong between a client and a crypto unit, told apart by who has to act.

P11Error: the unit answered and refused. UnitUnreachable: nothing was sent. UnitTimeout and UnitLost: the
connection is gone and the call may or may not have taken effect; it is never sent again by this package.
No text here holds an argument of a call, because a PIN is one.
"""

from pathlib import Path

from hsm_emulator.wire.constants import Rv


class WireError(Exception):
    """Any failure of this package."""


class UnitUnreachable(WireError):
    """Nobody listens on the socket (absent or refused); start the unit, nothing was sent."""


class UnitTimeout(WireError):
    """The unit did not answer before the deadline: paused or stuck. The call may yet take effect."""


class UnitLost(WireError):
    """The connection ended in mid-call, as when the unit is killed. The call may have taken effect."""


class ProtocolError(UnitLost):
    """The peer sent what is no p11-kit reply; the connection was dropped."""


class UnsupportedVersion(ProtocolError):
    """The peer speaks a version of the protocol that this client does not know."""


class WrongMasterKey(WireError):
    """The master key in the unit is not the one asked for; nothing was unwrapped with it."""

    def __init__(self, expected: bytes, found: bytes | None) -> None:
        """``expected`` and ``found`` are verification patterns (32 bytes), found None: no such object."""
        present = f"its verification pattern is {found.hex()[:8]}" if found else "the unit has no such key"
        super().__init__(
            f"wrong master key: expected verification pattern {expected.hex()[:8]}, but {present}; "
            "compare the registers of the units before going on"
        )


class P11Error(WireError):
    """The unit answered a call with a CKR code other than CKR_OK."""

    def __init__(self, code: int, call: str, hint: str = "") -> None:
        self.code = code
        self.name = f"CKR_{Rv(code).name}" if code in Rv.__members__.values() else f"CKR 0x{code:08X}"
        self.call = call
        super().__init__(f"{call}: {self.name}" + (f"; {hint}" if hint else ""))


class GeneralError(P11Error):
    """CKR_GENERAL_ERROR: SoftHSM says so for a wrong unwrapping key, a damaged blob and its own failures."""


class TokenAbsent(P11Error):
    """The unit answers, but has no token of that label."""


class PinIncorrect(P11Error):
    """The token refused the PIN."""


class PinLocked(P11Error):
    """The token accepts no PIN any more."""


class AttributeSensitive(P11Error):
    """The value may not leave the token."""


class HandleInvalid(P11Error):
    """The object, key or session behind a handle does not exist any more."""


class MechanismInvalid(P11Error):
    """The token has no such mechanism, or not for this use."""


class KeyUnextractable(P11Error):
    """The key may not leave the token, even wrapped."""


class BufferTooSmall(P11Error):
    """The answer is longer than the room that the call gave."""


_CLASSES: dict[int, type[P11Error]] = {
    Rv.GENERAL_ERROR: GeneralError,
    Rv.ATTRIBUTE_SENSITIVE: AttributeSensitive,
    Rv.KEY_HANDLE_INVALID: HandleInvalid,
    Rv.OBJECT_HANDLE_INVALID: HandleInvalid,
    Rv.SESSION_HANDLE_INVALID: HandleInvalid,
    Rv.UNWRAPPING_KEY_HANDLE_INVALID: HandleInvalid,
    Rv.WRAPPING_KEY_HANDLE_INVALID: HandleInvalid,
    Rv.MECHANISM_INVALID: MechanismInvalid,
    Rv.PIN_INCORRECT: PinIncorrect,
    Rv.PIN_LOCKED: PinLocked,
    Rv.TOKEN_NOT_PRESENT: TokenAbsent,
    Rv.KEY_UNEXTRACTABLE: KeyUnextractable,
    Rv.BUFFER_TOO_SMALL: BufferTooSmall,
}


def refusal(code: int, call: str, hint: str = "") -> P11Error:
    """Return the exception for CKR ``code`` answered to ``call`` (a name like C_WrapKey)."""
    return _CLASSES.get(code, P11Error)(code, call, hint)


def unreachable(path: Path, error: OSError) -> UnitUnreachable:
    """Return the exception for a socket that nobody serves."""
    reason = "socket absent" if isinstance(error, FileNotFoundError) else error.strerror or str(error)
    return UnitUnreachable(f"{path}: {reason}; is the crypto unit running?")
