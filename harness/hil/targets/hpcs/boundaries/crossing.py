"""An event on its way across a boundary, as the conductor admits it."""

from dataclasses import dataclass, replace
from enum import Enum

from hil.model.faults import EventClass, Fault, FaultKind, Process


class Passage(Enum):
    """What becomes of an admitted event."""

    FORWARD = "forward"  # it goes on
    DROP = "drop"  # it never reaches the other end, because one of the ends is gone
    ERROR = "error"  # it is answered, or its reply replaced, by an error


@dataclass(frozen=True, eq=False, slots=True)
class Crossing:
    """An admitted event on its way; ``error`` says which error where ``passage`` is ERROR.

    Each is another one, so they are told apart by identity.

    ``pid`` is the process id of the client, 0 where the event is no exchange.
    """

    boundary: EventClass
    name: str
    ordinal: int
    client: Process
    server: Process
    pid: int = 0
    passage: Passage = Passage.FORWARD
    error: str = ""

    @property
    def passes(self) -> bool:
        """Whether the request goes on to the server."""
        return self.passage is Passage.FORWARD


def with_error(crossing: Crossing, fault: Fault | None) -> Crossing:
    """Answer with the error of a fault that has struck, where it is one."""
    if fault is None or fault.kind is not FaultKind.ERROR:
        return crossing
    return replace(crossing, passage=Passage.ERROR, error=fault.detail)
