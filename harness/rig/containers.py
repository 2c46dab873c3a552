"""The host that runs every crypto unit in a container."""

from collections import Counter
from collections.abc import Iterable

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
        for container in started:
            container.start()
            self._cycles[container.number] = 0
        for container in started:
            container.await_ready()

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
        for container in cycled:
            container.hang_up()
            self._cycles[container.number] += 1
        for container in cycled:
            container.await_cycle(self._cycles[container.number])

    def stop(self, numbers: Iterable[int] | None = None) -> None:
        """See UnitHost."""
        for number in self._containers if numbers is None else numbers:
            if (container := self._containers.get(number)) and container.alive():
                container.kill()

    def close(self) -> None:
        """See UnitHost."""
        for container in self._containers.values():
            container.remove()
        self._containers.clear()

    def _container(self, number: int) -> Container:
        if number not in self._containers:
            folders = (self._layout.unit(number), self._layout.unit_sockets(number))
            self._containers[number] = docker.create_unit(self._image, number, *folders, *self._labels)
        return self._containers[number]
