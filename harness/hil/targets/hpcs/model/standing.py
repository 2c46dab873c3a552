"""How far a rotation truly had come when it stopped: what expectations rest on, and no operator sees.

An operator has the transcript and the registers. Whether a row is under the new master key decides what a
wrong command destroys, and only the bench knows it.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from hil.model.scenario import Result
from hil.targets.hpcs.model.evidence import ErrorClass
from hil.targets.hpcs.model.registers import EMPTY, FULL_COMMITTED, UnitRegisters


class Extent(StrEnum):
    """How many of a set."""

    NONE = "none"
    SOME = "some"
    ALL = "all"


@dataclass(frozen=True)
class Standing:
    """The true state of a rotation.

    ``loaded``, ``committed`` and ``promoted``: crypto units of all types that have come so far at least;
    ``rows``: rows of the key store that are under another master key than the one before the rotation;
    ``command``: the one that ended without success; ``printed`` and ``shown``: numbers of the messages that
    were printed, and of those that the operator can still see: ``none``, ``1``, ``2`` or ``12``; ``ended``:
    the error that the command ended with.
    """

    flow: str
    command: str = ""
    loaded: Extent = Extent.NONE
    committed: Extent = Extent.NONE
    rows: Extent = Extent.NONE
    promoted: Extent = Extent.NONE
    printed: str = "none"
    shown: str = "none"
    ended: ErrorClass = ErrorClass.NONE

    def record(self) -> dict[str, Any]:
        """Return the form of campaign.json."""
        return asdict(self)

    @classmethod
    def from_record(cls, value: dict[str, Any]) -> Self:
        """Read what ``record`` returned."""
        extents = {name: Extent(value[name]) for name in EXTENTS}
        return cls(**(value | extents | {"ended": ErrorClass(value.get("ended", ErrorClass.NONE))}))


EXTENTS = ("loaded", "committed", "rows", "promoted")


def standing_of(result: Result) -> Standing | None:
    """Return the true standing that a result of this target tells; None where nobody came to look."""
    value = result.own.get("standing")
    return Standing.from_record(value) if value else None


def extent(count: int, total: int) -> Extent:
    """Say how many of a set of ``total`` are meant."""
    if count == 0:
        return Extent.NONE
    return Extent.ALL if count == total else Extent.SOME


def standing(
    flow: str,
    command: str,
    units: Sequence[UnitRegisters],
    before: Collection[UnitRegisters],
    rows: tuple[int, int],
    messages: tuple[tuple[bool, bool], tuple[bool, bool]],
) -> Standing:
    """Tell how far a rotation has come; ``before`` are registers before it.

    ``rows``: how many are not under the old master key, and how many there are. ``messages``: which of the
    two were printed, and which of them the operator can see.
    """
    old = {unit.current.identity for unit in before}
    promoted = {unit.number for unit in units if unit.current.identity not in {*old, None}}
    loaded = promoted | {unit.number for unit in units if unit.new.state != EMPTY}
    committed = promoted | {unit.number for unit in units if unit.new.state == FULL_COMMITTED}
    printed, shown = messages
    return Standing(
        flow=flow,
        command=command,
        loaded=extent(len(loaded), len(units)),
        committed=extent(len(committed), len(units)),
        rows=extent(*rows),
        promoted=extent(len(promoted), len(units)),
        printed=numbers(printed),
        shown=numbers(shown),
    )


def numbers(messages: tuple[bool, bool]) -> str:
    """Name which messages there are: ``none``, ``1``, ``2`` or ``12``."""
    return "".join(str(number) for number, there in enumerate(messages, start=1) if there) or "none"
