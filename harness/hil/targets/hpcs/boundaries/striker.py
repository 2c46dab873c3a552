"""What the conductor needs of others: a striker, and a terminal that can be read at any time."""

from typing import Protocol

from hil.model.faults import FaultKind, Process


class Striker(Protocol):
    """What the conductor needs of a rig to strike; each returns when the effect is proven, else raises."""

    def kill(self, process: Process) -> None:
        """End a process by SIGKILL."""

    def pause(self, process: Process) -> None:
        """Stop a process without ending it."""

    def blind(self, kind: FaultKind) -> None:
        """Take away from the operator what the running command has printed."""

    def expire(self) -> None:
        """Let the operator's access token expire."""


class Drained(Protocol):
    """A terminal whose written lines can be collected at any time, without blocking."""

    def drain(self) -> None:
        """Report every line that stands in the pipe to the conductor."""
