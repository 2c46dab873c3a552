"""Events: what crossed a boundary, in one total order, and the form in which two runs are compared."""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from harness.model.faults import EventClass, Process, When


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


# What is another in every run: keys, patterns, ids; and file names that carry them.
_CHANCE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{8,}(\.\.\.)?")


def normalised(events: Iterable[Event]) -> tuple[str, ...]:
    """Return one line an event, without time and without what is random in every run."""
    return tuple(
        f"{event.stage} {event.boundary} {event.name}.{event.ordinal} {event.when} "
        f"{event.client}>{event.server} {_CHANCE.sub('#', event.text)}".rstrip()
        for event in events
    )
