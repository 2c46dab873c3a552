"""The moment at which a scenario went wrong, found in its events.

Keys are lost when the master key that wraps them leaves the last register that holds it. Which registers held
it at the crash and which hold it no more is known; so the moment is the last admin command after the crash
that took it out of one of them. Where no key is lost, it is the first command that failed after the crash.
Not told apart: a command that was refused and one that took effect, beyond what registers say in the end.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.model.events import Event
from harness.model.faults import EventClass, When, unit
from harness.model.verdicts import Verdict
from harness.sut import CLEARING, FAILED

Unit = dict[str, Any]


@dataclass(frozen=True)
class Moment:
    """``sequence`` of the event, and what happened in words."""

    sequence: int
    text: str


@dataclass(frozen=True)
class _Held:
    """Units of which a register (``current`` or ``new``) held the master key of some rows at the crash."""

    register: str
    pattern: str
    rows: int
    units: tuple[int, ...]


def violation(record: dict[str, Any], after: Sequence[Unit], events: Sequence[Event]) -> Moment | None:
    """Return the moment; None where nothing went wrong, or where the evidence does not tell."""
    verdict = Verdict(record["verdict"])
    recovery = [event for event in events if event.stage > 0]
    if verdict is Verdict.DATA_LOST:
        moments = [moment for held in _held(record, after) if (moment := _taken(held, after, recovery))]
        return moments[0] if moments else _failed(recovery)
    return None if verdict is Verdict.RECOVERED and record["as_documented"] else _failed(recovery)


def _held(record: dict[str, Any], after: Sequence[Unit]) -> Iterator[_Held]:
    """Yield the master keys that rows were under at the crash and that some unit holds no more, NEW first."""
    state = record["state_at_crash"]
    if not state:
        return
    for register in ("new", "current"):
        rows = state["rows"][register]
        patterns = {one[register]: () for one in state["units"] if one[register]} if rows else {}
        for pattern in patterns:
            holders = tuple(one["number"] for one in state["units"] if one[register] == pattern)
            if any(pattern not in (one["current"], one["new"]) for one in after):
                yield _Held(register, pattern, rows, holders)


def _taken(held: _Held, after: Sequence[Unit], events: Sequence[Event]) -> Moment | None:
    """Return the event that took the key out of the last of the registers that it has left."""
    left = {one["number"] for one in after if held.pattern not in (one["current"], one["new"])}
    first: dict[int, Event] = {}
    for event in events:
        if event.boundary is EventClass.ADMIN and event.when is When.AFTER:
            number = next((one for one in held.units if unit(one) == event.server), None)
            if number in left and number is not None and held.register in CLEARING.get(event.name, ()):
                first.setdefault(number, event)
    if not first:
        return None
    event = max(first.values(), key=lambda one: one.sequence)
    gone = "the last register that held it" if left >= set(held.units) else f"{len(left)} of the units"
    rows = f"{held.rows} rows" if held.rows > 1 else "1 row"
    return Moment(
        event.sequence,
        f"{event.name} on {event.server}: the master key of {rows} ({held.pattern}) has left {gone}",
    )


def _failed(events: Sequence[Event]) -> Moment | None:
    for event in events:
        if event.boundary is EventClass.TRANSCRIPT and event.text == FAILED:
            return Moment(event.sequence, "the first command of the recovery that failed")
    return None
