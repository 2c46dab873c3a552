"""Master-key registers as an observer sees them, and what a set of them means for a rotation."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

EMPTY = "Empty"
VALID = "Valid"
FULL_UNCOMMITTED = "Full Uncommitted"
FULL_COMMITTED = "Full Committed"

# Newer modules zero the last four bytes of a verification pattern, so patterns are compared on 56 digits.
COMPARED_DIGITS = 56


@dataclass(frozen=True)
class Register:
    """State and verification pattern (64 hexadecimal digits, zeros when empty) of one register."""

    state: str
    pattern: str

    @property
    def identity(self) -> str | None:
        """The digits that two observers compare; None for an empty register."""
        return None if self.state == EMPTY else self.pattern[:COMPARED_DIGITS]


@dataclass(frozen=True)
class UnitRegisters:
    """Both registers of one crypto unit; ``type`` is OPERATIONAL, RECOVERY or FAILOVER."""

    number: int
    type: str
    current: Register
    new: Register

    def brief(self) -> dict[str, Any]:
        """Return the form of campaign.json: patterns cut to eight digits, null where empty."""
        return {
            "number": self.number,
            "type": self.type,
            "current": self.current.identity and self.current.pattern[:8],
            "new": self.new.identity and self.new.pattern[:8],
            "new_state": self.new.state,
        }


class Promotion(StrEnum):
    """How far set immediate has come in a set of units, as ``cryptounit-mks`` shows it."""

    NONE = "none"  # NEW all committed and one pattern, CURRENT all Valid and one other pattern
    SOME = "some"  # some units already hold the others' NEW pattern in CURRENT
    ALL = "all"  # NEW all empty, CURRENT all Valid and one pattern
    UNCLEAR = "unclear"  # anything else: the page gives no rule for it


def promoted(units: Sequence[UnitRegisters]) -> tuple[int, ...]:
    """Numbers of the units whose NEW is empty and whose CURRENT is a pattern that others hold in NEW."""
    pending = {unit.new.identity for unit in units} - {None}
    return tuple(
        unit.number for unit in units if unit.new.state == EMPTY and unit.current.identity in pending
    )


def promotion(units: Sequence[UnitRegisters]) -> Promotion:
    """Classify a set of units; source: the branch of the page for both messages present."""
    done = promoted(units)
    rest = [unit for unit in units if unit.number not in done]
    currents = {unit.current.identity for unit in rest}
    news = {unit.new.identity for unit in rest}
    if not units or any(unit.current.state != VALID for unit in units) or len(currents) > 1:
        return Promotion.UNCLEAR
    if news == {None} and not done:
        return Promotion.ALL
    if all(unit.new.state == FULL_COMMITTED for unit in rest) and len(news) == 1 and news != currents:
        return Promotion.SOME if done else Promotion.NONE
    return Promotion.UNCLEAR
