"""Where the crypto units of a rig live: the protocol of a host, and the one that uses plain processes."""

from collections.abc import Callable, Iterable
from typing import Protocol

from harness import sut
from harness.faults.syscalls import Ask
from harness.rig import ready
from harness.rig.child import Child, Watch
from harness.rig.layout import Layout

START_SECONDS = 30.0

Asked = Callable[[int], Ask]


class UnitHost(Protocol):
    """Starts, kills and stops the crypto units of one rig, each a kill domain of its own."""

    name: str

    def start(self, numbers: Iterable[int]) -> None:
        """Start these units and return when all of them answer."""

    def kill(self, number: int) -> None:
        """SIGKILL everything of a unit and prove it; raises where it did not die of it."""

    def pause(self, number: int) -> None:
        """Stop a unit without ending it, and prove it."""

    def resume(self, number: int) -> None:
        """Let a stopped unit go on."""

    def stop(self) -> None:
        """End every unit of this rig, whatever state it is in."""

    def close(self) -> None:
        """Stop, and leave nothing behind."""

    def watch(self, asked: Asked | None) -> None:
        """From the next start of a unit on, ask about its durable system calls; None: no more."""


class ProcessHost:
    """Every unit is a process group: firmware, p11-kit server and what that starts."""

    name = "process"

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._children: dict[int, Child] = {}
        self._asked: Asked | None = None

    def watch(self, asked: Asked | None) -> None:
        """See UnitHost."""
        self._asked = asked

    def start(self, numbers: Iterable[int]) -> None:
        """See UnitHost."""
        started = list(numbers)
        for number in started:
            self._children[number] = Child(
                f"unit:{number}",
                sut.unit_serve(self._layout.unit(number), self._layout.unit_sockets(number)),
                self._layout.logs / f"unit-{number}.log",
                self._asked and Watch(self._layout.files, self._asked(number)),
            )
        for number in started:
            self._await(number)

    def kill(self, number: int) -> None:
        """See UnitHost."""
        self._children[number].kill()

    def pause(self, number: int) -> None:
        """See UnitHost."""
        self._children[number].pause()

    def resume(self, number: int) -> None:
        """See UnitHost."""
        self._children[number].resume()

    def stop(self) -> None:
        """See UnitHost."""
        for child in self._children.values():
            child.stop()
        self._children.clear()

    def close(self) -> None:
        """See UnitHost."""
        self.stop()

    def _await(self, number: int) -> None:
        child = self._children[number]
        ready.until(
            lambda: child.exit_code is not None or ready.unit_answers(self._layout.unit_sockets(number)),
            child.name,
            START_SECONDS,
        )
        if child.exit_code is not None:
            raise ready.NotReady(f"{child.name} ended with exit code {child.exit_code}, see its log")
