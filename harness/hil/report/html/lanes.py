"""A scenario as lanes: one for each process, and in it, in order, what was asked of whom.

A request and its reply are one box in the lane of who was asked. PKCS#11 calls and system calls that follow
on each other are one box, a line on the terminal a mark in the operator's lane.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from hil.model.events import Event
from hil.model.faults import EventClass, Process, When
from hil.model.scenario import Result
from hil.report.html.words import happens
from hil.report.runs import MANY, runs, strike
from hil.targets.hpcs.model.processes import KMS, SERVER, TKE
from hil.targets.hpcs.report.violation import ViolationEvent

OPERATOR, KEY_STORE = "operator", "key store"
NAMES_MAX = 4


def lanes(result: Result, events: Sequence[Event], moment: ViolationEvent | None) -> dict[str, Any] | None:
    """Return lanes, boxes, strikes and the first event of each recovery; None without events.

    A box is lane, lane of the caller, label, seconds of begin and end, stage. Strikes, recoveries and the
    moment are places in the list of boxes.
    """
    if not events:
        return None
    names = [OPERATOR, str(TKE), str(KMS), KEY_STORE, *_units(events)]
    boxes: list[list[Any]] = []
    strikes: list[list[Any]] = []
    stages: list[int] = []
    where = None
    open_: dict[tuple[str, int, int], int] = {}
    for run in runs(events, result):
        first, last = run[0], run[-1]
        key = (first.name, first.ordinal, first.stage)
        at = open_.pop(key, None) if first.when is When.AFTER and first.boundary not in MANY else None
        if at is None:
            at = len(boxes)
            boxes.append(_box(run, names))
            if first.when is When.BEFORE and first.boundary not in MANY:
                open_[key] = at
        else:
            boxes[at][4] = round(last.seconds, 6)
        if first.stage > len(stages):
            stages.append(at)
        struck = strike(last, result)
        if struck:
            strikes.append([at, happens(struck), names.index(_lane(struck.victim, names))])
        if moment and first.sequence <= moment.sequence <= last.sequence:
            where = at
    return {"names": names, "boxes": boxes, "strikes": strikes, "stages": stages, "moment": where}


def _units(events: Sequence[Event]) -> list[str]:
    numbers = {end.number for event in events for end in (event.client, event.server) if end.number}
    return [f"unit:{number}" for number in sorted(numbers)]


def _lane(victim: Process, names: Sequence[str]) -> str:
    if victim.role in SERVER:
        return KEY_STORE
    return str(victim) if str(victim) in names else names[0]


def _box(run: Sequence[Event], names: Sequence[str]) -> list[Any]:
    first, last = run[0], run[-1]
    server, client = str(first.server), str(first.client)
    if first.boundary is EventClass.TRANSCRIPT:
        server = OPERATOR
    elif first.boundary in (EventClass.SQL, EventClass.DATABASE):
        server = KEY_STORE
    return [
        names.index(server),
        names.index(client),
        _label(run),
        round(first.seconds, 6),
        round(last.seconds, 6),
        first.stage,
    ]


def _label(run: Sequence[Event]) -> str:
    first = run[0]
    if first.boundary is EventClass.TRANSCRIPT:
        return first.text or first.name
    if first.boundary not in MANY:
        return f"{first.name}.{first.ordinal}"
    calls = Counter(name for name, _ in dict.fromkeys((event.name, event.ordinal) for event in run))
    shown = [f"{name} x{number}" for name, number in calls.most_common(NAMES_MAX)]
    return ", ".join(shown) + (", …" if len(calls) > NAMES_MAX else "")
