"""The host that runs every crypto unit in a container.

The engine is asked about several containers at once, as it waits more than it works.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from hil.targets.hpcs.rig.layout import Layout
from hil.targets.hpcs.rig.units.contained import ContainedUnit
from hil.targets.hpcs.rig.units.hosts import START_SECONDS, Watched
from hil.targets.hpcs.rig.units.labels import Labels

Subject = TypeVar("Subject")
Result = TypeVar("Result")


class DockerHost:
    """Containers are made once for a rig and started again after a kill; see UnitHost."""

    name = "docker"

    def __init__(self, layout: Layout, image: str, run_label: str, worker_label: str) -> None:
        self._layout = layout
        self._image = image
        self._labels = Labels(run_label, worker_label)
        self._units: dict[int, ContainedUnit] = {}
        self._watch: Watched | None = None

    def watch(self, watch: Watched | None) -> None:
        """See UnitHost."""
        self._watch = watch

    def start(self, numbers: Iterable[int]) -> None:
        """See UnitHost."""
        started = list(numbers)
        units = _together(self._running, started)
        for number, unit in zip(started, units, strict=True):
            unit.start(self._watch(number) if self._watch else None)
        for unit in units:
            unit.await_ready(START_SECONDS)

    def kill(self, number: int) -> None:
        """See UnitHost."""
        self._units[number].kill()

    def pause(self, number: int) -> None:
        """See UnitHost."""
        self._units[number].pause()

    def resume(self, number: int) -> None:
        """See UnitHost."""
        self._units[number].resume()

    def cycle(self, numbers: Iterable[int]) -> None:
        """See UnitHost."""
        cycled = [self._units[number] for number in numbers]
        for unit in cycled:
            unit.hang_up()
        for unit in cycled:
            unit.await_ready(START_SECONDS)

    def stop(self, numbers: Iterable[int] | None = None) -> None:
        """See UnitHost."""
        for number in self._units if numbers is None else numbers:
            if number in self._units:
                self._units[number].end()

    def pids(self) -> dict[int, int]:
        """See UnitHost: a container has process ids of its own."""
        return {}

    def codes(self) -> dict[int, int | None]:
        """See UnitHost."""
        return {number: unit.exit_code for number, unit in self._units.items() if not unit.by_order}

    def close(self) -> None:
        """See UnitHost."""
        _together(ContainedUnit.remove, list(self._units.values()))
        self._units.clear()

    def _running(self, number: int) -> ContainedUnit:
        if number not in self._units:
            self._units[number] = ContainedUnit(self._layout, number, self._image, self._labels)
        self._units[number].run()
        return self._units[number]


def _together(do: Callable[[Subject], Result], subjects: Sequence[Subject]) -> list[Result]:
    """Do something with every subject at the same time; the first error is raised when all are through."""
    if not subjects:
        return []
    with ThreadPoolExecutor(len(subjects)) as pool:
        return list(pool.map(do, subjects))
