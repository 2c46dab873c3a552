"""What the kernel counts in the control group of this process: kills for want of memory, forks it refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CGROUPS = Path("/proc/self/cgroup")
MOUNTS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
UNIFIED = ""  # how the hierarchy of version 2 is called there


@dataclass(frozen=True)
class Counter:
    """A line of a file of a controller, and what it counts; see cgroups(7)."""

    controller: str
    file: str
    key: str
    counts: str


COUNTERS = (
    Counter("memory", "memory.events", "oom_kill", "the kernel has killed for want of memory"),
    Counter("memory", "memory.oom_control", "oom_kill", "the kernel has killed for want of memory"),
    Counter("pids", "pids.events", "max", "the kernel has refused a process or thread over the pid limit"),
)


class Counted:
    """The counters that can be read here; those that cannot are left out."""

    def __init__(self) -> None:
        places = _places()
        found = ((counter, _file(counter, places)) for counter in COUNTERS)
        self._files = {counter: file for counter, file in found if file}
        self.begin()

    def begin(self) -> None:
        """Count from here on."""
        self._before = self._now()

    def grown(self) -> tuple[str, ...]:
        """Return in words which of them have grown since the beginning, and by how much."""
        now = self._now()
        return tuple(
            f"{counter.counts} ({now[counter] - before} times)"
            for counter, before in self._before.items()
            if now.get(counter, 0) > before
        )

    def _now(self) -> dict[Counter, int]:
        return {
            counter: int(count)
            for counter, file in self._files.items()
            for key, _, count in (line.partition(" ") for line in _read(file).splitlines())
            if key == counter.key
        }


def _file(counter: Counter, places: Mapping[str, str]) -> Path | None:
    for mount in MOUNTS:
        for hierarchy, below in ((UNIFIED, mount), (counter.controller, mount / counter.controller)):
            # In a container the group may be named as its host knows it, and mounted at the root.
            for name in (places.get(hierarchy, ""), ""):
                file = below / name.lstrip("/") / counter.file
                if hierarchy in places and file.is_file():
                    return file
    return None


def _places() -> dict[str, str]:
    """Return the group of this process in each hierarchy."""
    lines = (line.split(":", 2) for line in _read(CGROUPS).splitlines())
    return {controller: path for _, controllers, path in lines for controller in controllers.split(",")}


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:  # the group is gone, or hidden
        return ""
