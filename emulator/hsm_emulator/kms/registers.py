"""What the polled registers of the operational units allow. Pure.

A unit decides alone what stands in its registers, and set immediate is never atomic across units; so each
decision looks at all operational units together, and at nothing else: no counter, no stored marker.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hsm_emulator.registers import RegisterState


@dataclass(frozen=True)
class MasterKeyRegister:
    """A master-key register: state, verification pattern (32 bytes), CKA_ID of the key object."""

    state: RegisterState
    pattern: bytes
    key_id: bytes | None


@dataclass(frozen=True)
class ReportedRegisters:
    """Both registers of one crypto unit, as it last told them."""

    number: int
    current: MasterKeyRegister
    new: MasterKeyRegister


@dataclass(frozen=True)
class Rewrappable:
    """Every operational unit holds CURRENT ``source`` and committed NEW ``target`` (patterns)."""

    source: bytes
    target: bytes


@dataclass(frozen=True)
class RegistersRefused:
    """The registers do not allow it; the reason names the units."""

    reason: str


def parse(body: dict[str, Any]) -> ReportedRegisters:
    """Read the registers from a unit's ``GET /v1/unit``; KeyError, TypeError or ValueError: malformed."""
    current, new = (_register(body["registers"][name]) for name in ("current", "new"))
    return ReportedRegisters(int(body["number"]), current, new)


def _register(value: dict[str, Any]) -> MasterKeyRegister:
    key_id = value["key_id"]
    pattern = bytes.fromhex(value["pattern"])
    return MasterKeyRegister(
        RegisterState(value["state"]), pattern, bytes.fromhex(key_id) if key_id else None
    )


def common_current(units: Sequence[ReportedRegisters]) -> bytes | RegistersRefused:
    """Return the pattern that all CURRENT registers share, or why they share none."""
    empty = [unit for unit in units if unit.current.state is not RegisterState.VALID]
    if empty:
        return RegistersRefused(
            f"the current master key register is not Valid in crypto units {_numbers(empty)}"
        )
    if len({unit.current.pattern for unit in units}) > 1:
        return RegistersRefused(f"the current master key registers differ: {_patterns(units, 'current')}")
    return units[0].current.pattern


def rewrappable(units: Sequence[ReportedRegisters]) -> Rewrappable | RegistersRefused:
    """Decide whether the key store may be rewrapped, and from which master key to which."""
    source = common_current(units)
    if isinstance(source, RegistersRefused):
        return source
    unready = [unit for unit in units if unit.new.state is not RegisterState.FULL_COMMITTED]
    if unready:
        return RegistersRefused(
            f"the new master key register is not Full Committed in crypto units {_numbers(unready)}"
        )
    if len({unit.new.pattern for unit in units}) > 1:
        return RegistersRefused(f"the new master key registers differ: {_patterns(units, 'new')}")
    if units[0].new.pattern == source:
        return RegistersRefused("the new master key is the current one")
    return Rewrappable(source, units[0].new.pattern)


def promoted(units: Sequence[ReportedRegisters], target: bytes) -> bool:
    """Whether every unit has made ``target`` its CURRENT master key."""
    return common_current(units) == target


def _numbers(units: Sequence[ReportedRegisters]) -> str:
    return ", ".join(str(unit.number) for unit in units)


def _patterns(units: Sequence[ReportedRegisters], name: str) -> str:
    shown = ((unit.number, getattr(unit, name).pattern.hex()[:8]) for unit in units)
    return ", ".join(f"unit {number} {pattern}" for number, pattern in shown)
