"""The host that runs every crypto unit in a container.

The engine is asked about several containers at once, as it waits more than it works. Measured on two cores,
medians for five containers, one after the other against together: power cycle 94 and 66 ms (24 each), kill
273 and 175 ms (12 each); start until all answer 1.5 and 1.2 s, which is within the spread of 0.9 to 3.3 s.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from harness.rig import docker
from harness.rig.docker import Container
from harness.rig.hosts import Asked
from harness.rig.layout import Layout


class DockerHost:
    """Containers are made once for a rig, started again after a kill, cycled otherwise; see UnitHost."""

    name = "docker"

    def __init__(self, layout: Layout, image: str, run_label: str, worker_label: str) -> None:
        self._layout = layout
        self._image = image
        self._labels = (run_label, worker_label)
        self._containers: dict[int, Container] = {}
        self._cycles: Counter[int] = Counter()

    def watch(self, asked: Asked | None) -> None:
        """See UnitHost. The calls of a container are not asked about: its processes are not the bench's."""

    def start(self, numbers: Iterable[int]) -> None:
        """See UnitHost."""
        started = [self._container(number) for number in numbers]
        _together(Container.start, started)
        for container in started:
            self._cycles[container.number] = 0
        _together(Container.await_ready, started)

    def kill(self, number: int) -> None:
        """See UnitHost."""
        self._containers[number].kill()

    def pause(self, number: int) -> None:
        """See UnitHost."""
        self._containers[number].pause()

    def resume(self, number: int) -> None:
        """See UnitHost."""
        self._containers[number].unpause()

    def cycle(self, numbers: Iterable[int]) -> None:
        """See UnitHost."""
        cycled = [self._containers[number] for number in numbers]
        self._cycles.update(container.number for container in cycled)
        _together(Container.hang_up, cycled)
        for container in cycled:
            container.await_cycle(self._cycles[container.number])

    def stop(self, numbers: Iterable[int] | None = None) -> None:
        """See UnitHost."""
        chosen = self._containers if numbers is None else numbers
        _together(_end, [self._containers[number] for number in chosen if number in self._containers])

    def close(self) -> None:
        """See UnitHost."""
        _together(Container.remove, list(self._containers.values()))
        self._containers.clear()

    def _container(self, number: int) -> Container:
        if number not in self._containers:
            folders = (self._layout.unit(number), self._layout.unit_sockets(number))
            self._containers[number] = docker.create_unit(self._image, number, *folders, *self._labels)
        return self._containers[number]


def _end(container: Container) -> None:
    if container.alive():
        container.kill()


def _together(do: Callable[[Container], object], containers: Sequence[Container]) -> None:
    """Do something with every container at the same time; the first error is raised when all are through."""
    if containers:
        with ThreadPoolExecutor(len(containers)) as pool:
            list(pool.map(do, containers))
