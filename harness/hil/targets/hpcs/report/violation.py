"""The moment at which a scenario went wrong, found in its events.

Keys are lost when the master key that wraps them leaves the last register that holds it. Which registers held
it at the crash and which hold it no more is known; so the moment is the last admin command after the crash
that took it out of one of them. Where there is none, it is the first command that failed after the crash.
Not told apart: a command that was refused and one that took effect, beyond what registers say in the end.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hil.model.events import Event
from hil.model.faults import EventClass, When
from hil.model.verdicts import Verdict
from hil.targets.hpcs.emulator import CLEARING, FAILED
from hil.targets.hpcs.model.processes import unit

Unit = dict[str, Any]
NAMES = ("current", "new")


@dataclass(frozen=True)
class ViolationEvent:
    """``sequence`` of the event, and what happened in words."""

    sequence: int
    text: str


@dataclass(frozen=True)
class _Held:
    """A master key that some rows were under at the crash, and the registers (unit, name) that held it."""

    pattern: str
    rows: int
    registers: tuple[tuple[int, str], ...]


def violation(
    record: dict[str, Any], after: Sequence[Unit], events: Sequence[Event]
) -> ViolationEvent | None:
    """Return the moment; None where nothing went wrong, or where the evidence does not tell."""
    if record["as_documented"] and Verdict(record["verdict"]) is Verdict.RECOVERED:
        return None
    return taken(record, after, events) or _failed(_recovery(events))


def taken(record: dict[str, Any], after: Sequence[Unit], events: Sequence[Event]) -> ViolationEvent | None:
    """Return the moment at which a master key left registers; None where none did, or nothing tells."""
    moments = (_taken(held, after, _recovery(events)) for held in _held(record))
    return next((moment for moment in moments if moment), None)


def _recovery(events: Sequence[Event]) -> Sequence[Event]:
    return [event for event in events if event.stage > 0]


def _held(record: dict[str, Any]) -> Iterator[_Held]:
    """Yield the master keys of rows, that of the rows under NEW first."""
    state = record["state_at_crash"]
    if not state:
        return
    units, rows = state["units"], state["rows"]
    current, new = ({unit[name] for unit in units} - {None} for name in ("current", "new"))
    # Where some units are promoted, both keys are in CURRENT registers, and the rows are under the new one.
    under_current = (current & new) or current
    for patterns, count in ((new - current, rows["new"]), (under_current, rows["current"])):
        for pattern in sorted(patterns) if count else ():
            registers = ((unit["number"], name) for unit in units for name in NAMES if unit[name] == pattern)
            yield _Held(pattern, count, tuple(registers))


def _taken(held: _Held, after: Sequence[Unit], events: Sequence[Event]) -> ViolationEvent | None:
    """Return the event that took the key out of the last of the registers that it has left for good."""
    left = {unit["number"] for unit in after if held.pattern not in (unit["current"], unit["new"])}
    first: dict[int, Event] = {}
    for event in events:
        if event.boundary is EventClass.ADMIN and event.when is When.AFTER:
            for number, register in held.registers:
                cleared = register in CLEARING.get(event.name, ())
                if number in left and unit(number) == event.server and cleared:
                    first.setdefault(number, event)
    if not first:
        return None
    event = max(first.values(), key=lambda one: one.sequence)
    holders = {number for number, _ in held.registers}
    gone = "the last register that held it" if left >= holders else f"{len(first)} of {len(holders)} units"
    rows = f"{held.rows} rows" if held.rows > 1 else "1 row"
    return ViolationEvent(
        event.sequence,
        f"{event.name} on {event.server}: the master key of {rows} ({held.pattern}) has left {gone}",
    )


def _failed(events: Sequence[Event]) -> ViolationEvent | None:
    for event in events:
        if event.boundary is EventClass.TRANSCRIPT and event.text == FAILED:
            return ViolationEvent(event.sequence, "the first command of the recovery that failed")
    return None
