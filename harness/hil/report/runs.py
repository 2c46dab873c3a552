"""Events as a reader wants them: in runs, and with the faults that struck.

PKCS#11 calls and system calls come by the hundred, so those that follow on each other between the same two
processes are one run, unless every one is asked for. A run ends at a strike.
"""

from collections.abc import Iterator, Sequence

from hil.model.events import Event, is_point
from hil.model.faults import EventClass, Fault
from hil.model.scenario import Result

MANY = (EventClass.PKCS11, EventClass.SYSCALL, EventClass.SQL)


def runs(events: Sequence[Event], result: Result, *, every: bool = False) -> Iterator[Sequence[Event]]:
    """Yield the runs in order; each event is in one."""
    run: list[Event] = []
    for event in events:
        if run and (every or not _goes_on(run[-1], event) or strike(run[-1], result)):
            yield run
            run = []
        run.append(event)
    if run:
        yield run


def strike(event: Event, result: Result) -> Fault | None:
    """Return the fault that struck at an event: the one of its stage."""
    for stage, (fault, fired) in enumerate(zip(result.scenario.faults, result.fired, strict=True)):
        if fired and event.stage == stage and is_point(event, fault):
            return fault
    return None


def _goes_on(previous: Event, event: Event) -> bool:
    return event.boundary in MANY and (previous.boundary, previous.client, previous.server) == (
        event.boundary,
        event.client,
        event.server,
    )
