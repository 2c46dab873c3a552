"""Events: what crossed a boundary, in one total order, and the form in which two runs are compared."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Self

from hil.model.faults import EventClass, Fault, Process, When


@dataclass(frozen=True)
class Event:
    """Something that crossed a boundary; ``seconds`` since the start of the scenario.

    ``text`` is a transcript line, or the file that a durable system call is about.
    """

    sequence: int
    stage: int
    seconds: float
    boundary: EventClass
    name: str
    ordinal: int
    when: When
    client: Process
    server: Process
    text: str = ""

    def record(self) -> dict[str, Any]:
        """Return the line of events.jsonl."""
        record = asdict(self) | {"client": str(self.client), "server": str(self.server)}
        return record | {"seconds": round(self.seconds, 6)}

    @classmethod
    def from_record(cls, value: dict[str, Any]) -> Self:
        """Read what ``record`` returned; raises KeyError, TypeError or ValueError."""
        enums = {"boundary": EventClass(value["boundary"]), "when": When(value["when"])}
        ends = {name: Process.parse(value[name]) for name in ("client", "server")}
        return cls(**value | enums | ends)


# What is another in every run: keys, patterns, ids, file names that carry them, and the folder of the rig.
_CHANCE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{8,}(\.\.\.)?"
    r"|(?<![\w./])/([\w.-]+/)+"
)


def normalised(events: Iterable[Event]) -> tuple[str, ...]:
    """Return one line an event, without time and without what is random in every run."""
    return tuple(
        f"{event.stage} {event.boundary} {event.name}.{event.ordinal} {event.when} "
        f"{event.client}>{event.server} {_CHANCE.sub('#', event.text) if event.text else ''}".rstrip()
        for event in events
    )


def trace(events: Iterable[Event]) -> str:
    """Return 16 hexadecimal digits that are equal for runs with the same normalised events."""
    return hashlib.sha256("\n".join(normalised(events)).encode()).hexdigest()[:16]


def is_point(event: Event, fault: Fault) -> bool:
    """Whether ``fault`` waits for this event, its stage left aside. System calls are counted by process."""
    own = event.boundary in (EventClass.SYSCALL, EventClass.SQL)
    place = (event.name, event.ordinal, event.when)
    return place == (fault.event, fault.ordinal, fault.when) and (not own or event.client == fault.victim)
