"""The two master key registers of a crypto unit and their transitions, as pure functions.

CURRENT is Empty or Valid; NEW is Empty, Full Uncommitted or Full Committed. There is no OLD register: set
immediate ends the key that was CURRENT. A transition returns the registers after it or raises HsmError; what
has to be destroyed in the token follows from the registers after it (`unnamed`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from hsm_emulator.unit.command import HsmError, Refusal

EMPTY_PATTERN = "0" * 64


class CurrentState(StrEnum):
    """States of the CURRENT register, in the words that tke prints."""

    EMPTY = "Empty"
    VALID = "Valid"


class NewState(StrEnum):
    """States of the NEW register, in the words that tke prints."""

    EMPTY = "Empty"
    UNCOMMITTED = "Full Uncommitted"
    COMMITTED = "Full Committed"


@dataclass(frozen=True)
class MasterKey:
    """A master key in the token.

    ``key_id`` is its CKA_ID (32 hex digits), ``pattern`` its verification pattern (SHA-256 of 0x01 and the
    key, 64 hex digits), ``file`` the name of its object file without suffix.
    """

    key_id: str
    pattern: str
    file: str


@dataclass(frozen=True)
class Registers:
    """What the registers hold; ``committed`` speaks of NEW and is false where NEW is empty."""

    current: MasterKey | None = None
    new: MasterKey | None = None
    committed: bool = False

    @property
    def current_state(self) -> CurrentState:
        """State of CURRENT."""
        return CurrentState.EMPTY if self.current is None else CurrentState.VALID

    @property
    def new_state(self) -> NewState:
        """State of NEW."""
        if self.new is None:
            return NewState.EMPTY
        return NewState.COMMITTED if self.committed else NewState.UNCOMMITTED

    @property
    def keys(self) -> tuple[MasterKey, ...]:
        """The master keys that a register names."""
        return tuple(key for key in (self.current, self.new) if key is not None)


def require_new_empty(registers: Registers) -> None:
    """Refuse (53) where NEW holds a key, before a key is made for it."""
    if registers.new is not None:
        raise HsmError(Refusal.NEW_FULL)


def generated(registers: Registers, key: MasterKey) -> Registers:
    """A random key: CURRENT directly in a unit that holds none at all, NEW Full Uncommitted otherwise."""
    require_new_empty(registers)
    if registers.current is None:
        return Registers(current=key)
    return replace(registers, new=key)


def received(registers: Registers, key: MasterKey) -> Registers:
    """A key from outside (import, load): NEW Full Uncommitted, unless CURRENT holds the same key."""
    require_new_empty(registers)
    if registers.current is not None and registers.current.pattern == key.pattern:
        raise HsmError(Refusal.NEW_IS_CURRENT)
    return replace(registers, new=key)


def committed(registers: Registers, pattern: str) -> Registers:
    """NEW becomes Full Committed; committing twice is no error. ``pattern`` has to be that of NEW."""
    _require_new(registers, pattern)
    return replace(registers, committed=True)


def promoted(registers: Registers, pattern: str) -> Registers:
    """Set immediate: NEW moves to CURRENT and is empty after. ``pattern`` has to be that of NEW."""
    if registers.new is not None and not registers.committed:
        raise HsmError(Refusal.NEW_UNCOMMITTED)
    return Registers(current=_require_new(registers, pattern))


def new_cleared(registers: Registers) -> Registers:
    """NEW Empty, whatever it was."""
    return Registers(current=registers.current)


def current_cleared(registers: Registers) -> Registers:
    """CURRENT Empty, whatever it was."""
    return replace(registers, current=None)


def named(registers: Registers, register: str) -> MasterKey:
    """The key of register ``current`` or ``new``; refuse (49, 50) where it is empty."""
    if register == "current":
        if registers.current is None:
            raise HsmError(Refusal.CURRENT_EMPTY)
        return registers.current
    if registers.new is None:
        raise HsmError(Refusal.NEW_EMPTY)
    return registers.new


def unnamed(keys: Iterable[MasterKey], registers: Registers) -> tuple[MasterKey, ...]:
    """Those of ``keys`` that no register names, each once: what is to be destroyed."""
    return tuple(key for key in dict.fromkeys(keys) if key not in registers.keys)


def _require_new(registers: Registers, pattern: str) -> MasterKey:
    if registers.new is None:
        raise HsmError(Refusal.NEW_EMPTY)
    if registers.new.pattern != pattern:
        raise HsmError(Refusal.NEW_MISMATCH)
    return registers.new
