"""Where the crypto units of a rig live: the protocol of a host, and the one that uses plain processes."""

from collections.abc import Callable, Iterable
from typing import Protocol

from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.rig.layout import Layout
from hil.targets.hpcs.rig.process.child import Child, Watch
from hil.targets.hpcs.rig.process.ready_socket import ReadySocket

START_SECONDS = 30.0

Watched = Callable[[int], Watch]


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

    def cycle(self, numbers: Iterable[int]) -> None:
        """Power-cycle these units, which run, and return when all answer, from the files as they are now."""

    def stop(self, numbers: Iterable[int] | None = None) -> None:
        """End these units, or every unit of this rig, whatever state they are in."""

    def pids(self) -> dict[int, int]:
        """Return the process ids of the units that have one on this machine; any thread may ask."""

    def codes(self) -> dict[int, int | None]:
        """Return the exit codes of the units that were started, None while one runs."""

    def close(self) -> None:
        """Stop, and leave nothing behind."""

    def watch(self, watch: Watched | None) -> None:
        """From the next start of a unit on, ask about its durable system calls; None: no more."""


class ProcessHost:
    """Every unit is a process group: firmware, p11-kit server and what that starts."""

    name = "process"

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._children: dict[int, Child] = {}
        self._ready_sockets: dict[int, ReadySocket] = {}
        self._watch: Watched | None = None

    def watch(self, watch: Watched | None) -> None:
        """See UnitHost."""
        self._watch = watch

    def start(self, numbers: Iterable[int]) -> None:
        """See UnitHost."""
        started = list(numbers)
        for number in started:
            self._children[number] = Child(
                f"unit:{number}",
                sut.unit_serve(self._layout.unit(number), self._layout.unit_sockets(number)),
                self._layout.logs / f"unit-{number}.log",
                self._watch(number) if self._watch else None,
                self._ready_socket(number),
            )
        for number in started:
            self._children[number].ready(START_SECONDS)

    def kill(self, number: int) -> None:
        """See UnitHost."""
        self._children[number].kill()

    def pause(self, number: int) -> None:
        """See UnitHost."""
        self._children[number].pause()

    def resume(self, number: int) -> None:
        """See UnitHost."""
        self._children[number].resume()

    def cycle(self, numbers: Iterable[int]) -> None:
        """See UnitHost."""
        cycled = list(numbers)
        for number in cycled:
            self._children[number].hang_up()
        for number in cycled:
            self._children[number].ready(START_SECONDS)

    def stop(self, numbers: Iterable[int] | None = None) -> None:
        """See UnitHost."""
        for number in list(self._children if numbers is None else numbers):
            if child := self._children.pop(number, None):
                child.stop()

    def pids(self) -> dict[int, int]:
        """See UnitHost."""
        return {number: child.pid for number, child in self._children.copy().items()}

    def codes(self) -> dict[int, int | None]:
        """See UnitHost."""
        return {number: child.last_word for number, child in self._children.items()}

    def close(self) -> None:
        """See UnitHost."""
        self.stop()
        for ready_socket in self._ready_sockets.values():
            ready_socket.close()
        self._ready_sockets.clear()

    def _ready_socket(self, number: int) -> ReadySocket:
        if number not in self._ready_sockets:
            self._ready_sockets[number] = ReadySocket(self._layout.ready_socket(f"{number}"))
        return self._ready_sockets[number]
