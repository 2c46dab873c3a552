"""Crypto units as containers; the only module of the project that imports docker.

A container is one kill domain: SIGKILL to its first process ends everything in its process id space. It has
no network, no capabilities, a read-only root and an unprivileged user; two bind mounts, the folder of the
unit and the folder of its sockets, are all that it shares with the bench.

Each container carries the label of its run and the identity of the process that made it. ``reap`` goes by the
first, ``leftovers`` by the second, so one run never removes what another is using. Rejected: auto_remove (the
exit code of a killed container would be gone before it is read) and a reaper container (it would need the
engine's socket inside a container).
"""

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.errors import DockerException, NotFound
from docker.models.containers import Container as Handle
from docker.types import LogConfig, Mount, Ulimit
from requests.exceptions import RequestException

from emulator.wire import unixhttp
from harness.rig import owner, ready
from harness.rig.child import NotKilled
from harness.rig.owner import Owner

RUN = "hil.run"
WORKER = "hil.worker"
UNIT = "hil.unit"
OWNER = "hil.owner"

ENGINE = "unix:///var/run/docker.sock"
CALL_SECONDS = 30
READY_SECONDS = 30.0
KILLED = 128 + 9
UNPRIVILEGED = 10001

HARDENING: dict[str, Any] = {
    "network_mode": "none",
    "read_only": True,
    "tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=16m"},  # noqa: S108 - inside the container
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "mem_limit": "256m",
    "memswap_limit": "256m",  # equal to mem_limit: no swap, where key bytes could end up
    "pids_limit": 128,
    "ulimits": [Ulimit(name="core", soft=0, hard=0)],  # no core dumps, for the same reason
    "init": True,
    "log_config": LogConfig(type=LogConfig.types.JSON, config={"max-size": "1m"}),
}


class EngineError(Exception):
    """The Docker engine did not do what was asked; the text says what it was and why."""


@dataclass(frozen=True)
class Container:
    """A crypto unit in a container."""

    id: str
    number: int
    unit_dir: Path
    socket_dir: Path

    def start(self) -> None:
        """Start it, the first time or after a kill; ``await_ready`` waits until it answers."""
        _hand_over(self.unit_dir, self.socket_dir)
        with _doing(f"start unit {self.number}"):
            self._handle().start()

    def await_ready(self, seconds: float = READY_SECONDS) -> None:
        """Wait until the unit answers; raises NotReady with the end of its log."""
        self._await(lambda: ready.unit_answers(self.socket_dir), seconds, "starting")

    def hang_up(self) -> None:
        """SIGHUP to its first process, an init that hands it on to the firmware: a power cycle."""
        _hand_over(self.unit_dir)
        with _doing(f"power-cycle unit {self.number}"):
            _client().api.kill(self.id, "SIGHUP")

    def await_cycle(self, count: int, seconds: float = READY_SECONDS) -> None:
        """Wait until it answers after ``count`` power cycles since its start; raises NotReady."""
        self._await(
            lambda: ready.unit_cycles(self.unit_dir, self.socket_dir) == count, seconds, "being power-cycled"
        )

    def kill(self) -> None:
        """SIGKILL everything in it and prove that it died of that; NotKilled otherwise."""
        with _doing(f"kill unit {self.number}"):
            handle = self._handle()
            if handle.status not in ("running", "paused"):
                raise NotKilled(f"unit {self.number} had already ended: {handle.status}")
            handle.kill("SIGKILL")
            code = handle.wait(timeout=CALL_SECONDS)["StatusCode"]
            handle.reload()
        if code != KILLED or handle.attrs["State"]["OOMKilled"]:
            raise NotKilled(f"unit {self.number} ended with exit code {code}, not by the bench's SIGKILL")

    def pause(self) -> None:
        """Freeze every process in it: connections are accepted by the kernel and then hang."""
        with _doing(f"pause unit {self.number}"):
            self._handle().pause()

    def unpause(self) -> None:
        """Let it go on."""
        with _doing(f"unpause unit {self.number}"):
            self._handle().unpause()

    def alive(self) -> bool:
        """Whether its processes exist, paused or not."""
        with _doing(f"look at unit {self.number}"):
            return self._handle().status in ("running", "paused")

    def logs(self) -> str:
        """What its processes wrote to standard output and error."""
        with _doing(f"read the log of unit {self.number}"):
            return self._handle().logs().decode(errors="replace")

    def remove(self) -> None:
        """Remove it, whatever state it is in; fine where it is gone already."""
        _remove(self.id)

    def _handle(self) -> Handle:
        return _client().containers.get(self.id)

    def _await(self, answers: Callable[[], bool], seconds: float, doing: str) -> None:
        # Each look at a unit that does not answer yet costs the engine a call.
        ready.until(lambda: answers() or not self.alive(), f"unit {self.number}", seconds, every=0.02)
        if not self.alive():
            raise ready.NotReady(f"unit {self.number} ended while {doing}: {self.logs()[-500:]}")


def engine_answers(seconds: float = 2.0) -> bool:
    """Whether a Docker engine of this machine answers within ``seconds``.

    Asked without the SDK, which leaks a socket when it cannot connect. Units are reached through bind mounts,
    so an engine elsewhere (DOCKER_HOST=tcp://…) counts as none.
    """
    scheme, _, path = os.environ.get("DOCKER_HOST", ENGINE).partition("://")
    try:
        return scheme == "unix" and unixhttp.request(Path(path), "GET", "/version", seconds=seconds).ok
    except unixhttp.Unreachable:
        return False


def image_present(image: str) -> bool:
    """Whether the engine has this image; ``make image`` builds it."""
    with _doing("list images"):
        return bool(_client().images.list(name=image))


def create_unit(
    image: str,
    number: int,
    unit_dir: Path,
    socket_dir: Path,
    run_label: str,
    worker_label: str,
    made_by: Owner | None = None,
) -> Container:
    """Make the container of a unit whose folder is initialised, without starting it.

    ``made_by`` is the process whose life it shares, this one unless told otherwise.
    """
    user = _hand_over(unit_dir, socket_dir)
    mounts = [
        Mount("/unit", str(unit_dir.resolve()), type="bind"),
        Mount("/run/unit", str(socket_dir.resolve()), type="bind"),
    ]
    labels = {RUN: run_label, WORKER: worker_label, UNIT: str(number), OWNER: str(made_by or owner.current())}
    with _doing(f"make unit {number}"):
        made = _client().containers.create(
            image, hostname=f"unit{number}", user=user, labels=labels, mounts=mounts, **HARDENING
        )
    return Container(str(made.id), number, unit_dir, socket_dir)


def start_unit(
    image: str, number: int, unit_dir: Path, socket_dir: Path, run_label: str, worker_label: str
) -> Container:
    """Make the container of a unit, start it and wait until it answers; nothing is left where that fails."""
    container = create_unit(image, number, unit_dir, socket_dir, run_label, worker_label)
    try:
        container.start()
        container.await_ready()
    except BaseException:
        container.remove()
        raise
    return container


def reap(run_label: str) -> int:
    """Remove the containers of one run, and no others; return how many there were."""
    return _remove_all(list(_labelled(f"{RUN}={run_label}")))


def reap_leftovers() -> int:
    """Remove the containers of runs that are dead; return how many there were."""
    return _remove_all(leftovers())


def leftovers() -> list[str]:
    """Return the ids of the containers whose run is dead: their maker is gone from this machine."""
    return [identifier for identifier, made_by in _labelled(RUN).items() if _dead(made_by)]


def _labelled(label: str) -> dict[str, str]:
    """Map the ids of the containers with this label to their owners, in one call to the engine."""
    with _doing("list containers"):
        found = _client().api.containers(all=True, filters={"label": label})
    return {str(entry["Id"]): str((entry["Labels"] or {}).get(OWNER, "")) for entry in found}


def _remove_all(identifiers: list[str]) -> int:
    for identifier in identifiers:
        _remove(identifier)
    return len(identifiers)


def _remove(identifier: str) -> None:
    with _doing(f"remove container {identifier[:12]}"), contextlib.suppress(NotFound):
        _client().api.remove_container(identifier, v=True, force=True)


def _hand_over(*folders: Path) -> str:
    """Make folders belong to the unit's user and return it; that is their owner, unless it is root.

    Done before every start, because what root restored from a snapshot belongs to root.
    """
    status = folders[0].stat()
    uid, gid = (status.st_uid, status.st_gid) if status.st_uid else (UNPRIVILEGED, UNPRIVILEGED)
    if os.geteuid() == 0:
        for folder in folders:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, uid, gid, follow_symlinks=False)
    return f"{uid}:{gid}"


def _dead(label: str) -> bool:
    """Whether the owner in a label is dead; a label that cannot be read belongs to someone else."""
    try:
        return not owner.parse(label).may_live()
    except ValueError:
        return False


def _client() -> docker.DockerClient:
    """Return this process' client: a forked child must not share its parent's connections."""
    return _client_of(os.getpid())


@functools.cache
def _client_of(_pid: int) -> docker.DockerClient:
    return docker.from_env(timeout=CALL_SECONDS)


@contextmanager
def _doing(purpose: str) -> Iterator[None]:
    """Turn what the SDK and its transport raise into one EngineError line."""
    try:
        yield
    except (DockerException, RequestException) as error:
        raise EngineError(f"the Docker engine cannot {purpose}: {error}") from error
