"""Crash points from a recorded fault-free run: all of them, for every victim that makes a difference.

Which process may die at which kind of event stands in VICTIMS. At a PKCS#11 call tke waits in one request of
its own from the first call to the last, so its death is the same crash state at all of them; it is tried at
every C_WrapKey, one a row, and left out elsewhere.

A client that has its reply and next of all sends its next request changes nothing in between, so "after the
one" and "before the other" are the same crash state; the second is kept.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

from hil.model.events import Event
from hil.model.faults import ERRORS, EXCHANGES, MATRIX, EventClass, Fault, FaultKind, Process, When
from hil.targets.hpcs.model.evidence import MESSAGE_1, MESSAGE_2
from hil.targets.hpcs.model.processes import BACKEND, DB, TKE

PER_ROW = "C_WrapKey"
LINE = "line"
TYPED = "typed"

VICTIMS: dict[EventClass, Callable[[Event], tuple[Process, ...]]] = {
    EventClass.ADMIN: lambda event: (event.client, event.server),
    EventClass.REST: lambda event: (event.client, event.server),
    EventClass.PKCS11: lambda event: (
        event.client,
        event.server,
        *((TKE,) if event.name == PER_ROW else ()),
    ),
    EventClass.SYSCALL: lambda event: (event.client,),
    EventClass.SQL: lambda event: (event.client,),
    EventClass.DATABASE: lambda event: (
        event.client,
        event.server,
        *((BACKEND,) if event.server == DB else ()),
    ),
    EventClass.TRANSCRIPT: lambda event: (event.client,),
}


def rows(events: Sequence[Event]) -> int:
    """Return how many rows a recorded rotation has rewrapped."""
    return sum(event.name == PER_ROW for event in events) // 2


def kills(events: Sequence[Event]) -> tuple[Fault, ...]:
    """Return every crash point of a recording at which a process is killed."""
    points = (
        Fault(victim, event.name, event.ordinal, event.when)
        for event, following in pairwise([*_worth(events), None])
        if event and event.when in MATRIX[FaultKind.KILL][event.boundary]
        for victim in VICTIMS[event.boundary](event)
        if not _same_as_next(victim, event, following)
    )
    return tuple(dict.fromkeys(points))


def _same_as_next(victim: Process, event: Event, following: Event | None) -> bool:
    return (
        following is not None
        and event.boundary is not EventClass.TRANSCRIPT
        and event.when is When.AFTER
        and following.when is When.BEFORE
        and victim == event.client == following.client
        and following.boundary in EXCHANGES
    )


def others(events: Sequence[Event]) -> tuple[Fault, ...]:
    """Return hangs, error replies, lost replies and full disks, at the first event of every name.

    A later event of the same name differs by how far the rotation has come, which the kills go through; how
    a program takes an answer that is late, lost or an error is the same at each of them.
    """
    return tuple(
        fault
        for event in _first_of_each(_worth(events))
        for kind in (FaultKind.HANG, FaultKind.ERROR, FaultKind.LOST, FaultKind.FULL)
        for fault in _at(event, kind)
    )


def _at(event: Event, kind: FaultKind) -> Iterator[Fault]:
    """Yield the faults of one kind at one event; the victim is who answers, or who makes the call."""
    if event.when not in MATRIX[kind].get(event.boundary, ()):
        return
    details = ERRORS[event.boundary] if kind is FaultKind.ERROR else ("",)
    if kind is FaultKind.ERROR and event.boundary is EventClass.PKCS11 and event.name != PER_ROW:
        details = details[:1]  # the whole list at the call that matters most, one value at the others
    for detail in details:
        yield Fault(event.server, event.name, event.ordinal, event.when, kind, detail)


def _worth(events: Sequence[Event]) -> Iterator[Event]:
    """Leave out what is no point of its own.

    That is a message seen as a plain line; and a line after which its command makes no request or system
    call of its own any more, because the command may have ended by the time that the line is read.
    """
    goes_on = False
    kept: list[Event] = []
    for event in reversed(events):
        if event.boundary is not EventClass.TRANSCRIPT:
            goes_on = goes_on or event.client == TKE
            kept.append(event)
        elif event.name == TYPED:
            goes_on = False
        elif goes_on and not (event.name == LINE and _is_message(event)):
            kept.append(event)
    return reversed(kept)


def _is_message(event: Event) -> bool:
    return bool(MESSAGE_1.search(event.text) or MESSAGE_2.search(event.text))


def _first_of_each(events: Iterable[Event]) -> Iterator[Event]:
    """Yield the first event of each name and side; of system calls, the first of each process."""
    seen: set[tuple[object, ...]] = set()
    for event in events:
        own = event.client if event.boundary in (EventClass.SYSCALL, EventClass.SQL) else None
        key = (event.boundary, event.name, event.when, own)
        if key not in seen:
            seen.add(key)
            yield event


def count(faults: Iterable[Fault], events: Sequence[Event]) -> dict[EventClass, int]:
    """Count faults by the class of their event."""
    classes: dict[tuple[str, Process | None], EventClass] = {}
    for event in events:
        own = event.client if event.boundary in (EventClass.SYSCALL, EventClass.SQL) else None
        classes[event.name, own] = event.boundary
    counted = dict.fromkeys(EventClass, 0)
    for fault in faults:
        counted[classes.get((fault.event, None)) or classes[fault.event, fault.victim]] += 1
    return counted
