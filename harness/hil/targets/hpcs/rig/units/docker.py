"""Crypto units as containers; the only module of the project that imports docker.

A container is one kill domain: SIGKILL to its first process ends everything in its process id space. It has
no network, no capabilities, a read-only root and an unprivileged user; two bind mounts, the folder of the
unit and the folder of its sockets, are all that it shares with the bench. The engine's own system call filter
stays as it is: it lets a process filter itself further, which is what a watched firmware does.

A unit that is killed and started over and over takes its empty network from a *holder*, a container that
only sleeps: start 75 ms in place of 157, as the engine has a network made by another program.

Each container carries the label of its run and the identity of the process that made it. ``reap`` goes by the
first, ``leftovers`` by the second, so one run never removes what another is using. Rejected: auto_remove (the
exit code of a killed container would be gone before it is read) and a reaper container (it would need the
engine's socket inside a container).
"""

import contextlib
import functools
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, NotFound
from docker.types import LogConfig, Mount, Ulimit
from requests.exceptions import RequestException

from hil.targets.hpcs.rig.process.child import NotKilled
from hil.targets.hpcs.rig.units import labels
from hil.targets.hpcs.rig.units.labels import Labels
from hsm_emulator.wire import unixhttp

ENGINE = "unix:///var/run/docker.sock"
CALL_SECONDS = 30
KILLED = 128 + 9
NOT_RUNNING = 409
BUSY = "unable to freeze"
UNPRIVILEGED = 10001
# As the image and a container of it know them.
UNIT_DIR, SOCKET_DIR, BENCH_PATH = "/unit", "/run/unit", "/opt/hsm-hil:/opt/bench"

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
class Contained:
    """A unit that the bench drives: command and environment of its first process, whose network it takes."""

    command: Sequence[str]
    environment: Mapping[str, str]
    holder: str


@dataclass(frozen=True)
class Container:
    """A crypto unit in a container."""

    id: str
    number: int
    unit_dir: Path
    socket_dir: Path

    def start(self) -> None:
        """Start it, the first time or after a kill; returns before its processes are ready."""
        self.hand_over()
        with _doing(f"start unit {self.number}"):
            _client().api.start(self.id)

    def hand_over(self) -> None:
        """Make the unit's folders belong to its user, because what root restored belongs to root."""
        _hand_over(self.unit_dir, self.socket_dir)

    def kill(self) -> None:
        """SIGKILL everything in it and prove that it died of that; NotKilled otherwise."""
        api = _client().api
        with _doing(f"kill unit {self.number}"):
            try:
                api.kill(self.id, "SIGKILL")
            except APIError as error:
                if error.status_code != NOT_RUNNING:
                    raise
                raise NotKilled(f"unit {self.number} had already ended: {error.explanation}") from error
            code = api.wait(self.id, timeout=CALL_SECONDS)["StatusCode"]
            state = api.inspect_container(self.id)["State"]
        if code != KILLED or state["OOMKilled"]:
            raise NotKilled(f"unit {self.number} ended with exit code {code}, not by the bench's SIGKILL")

    def pause(self) -> None:
        """Freeze every process in it: connections are accepted by the kernel and then hang.

        On a machine so busy that a process does not get to the freezer within a quarter of a second, runc
        gives up and thaws what was frozen. Then nothing has changed, so this is asked for once more.
        """
        deadline = time.monotonic() + CALL_SECONDS
        with _doing(f"pause unit {self.number}"):
            while True:
                try:
                    _client().api.pause(self.id)
                except APIError as error:
                    if BUSY not in str(error.explanation) or time.monotonic() > deadline:
                        raise
                else:
                    return

    def unpause(self) -> None:
        """Let it go on."""
        with _doing(f"unpause unit {self.number}"):
            _client().api.unpause(self.id)

    def alive(self) -> bool:
        """Whether its processes exist, paused or not."""
        with _doing(f"look at unit {self.number}"):
            return bool(_client().api.inspect_container(self.id)["State"]["Running"])

    def logs(self) -> str:
        """What its first process wrote to standard output and error."""
        with _doing(f"read the log of unit {self.number}"):
            return bytes(_client().api.logs(self.id)).decode(errors="replace")

    def remove(self) -> None:
        """Remove it, whatever state it is in; fine where it is gone already."""
        remove(self.id)


def address() -> str:
    """Where the engine listens; an empty DOCKER_HOST counts as none, as it does for ``docker`` itself."""
    return os.environ.get("DOCKER_HOST") or ENGINE


def no_access() -> str:
    """Return the socket of an engine that is there, and that this user may not write to; else nothing."""
    scheme, _, path = address().partition("://")
    if scheme != "unix" or not os.path.exists(path):  # noqa: PTH110 - False where a folder is closed
        return ""
    return "" if os.access(path, os.R_OK | os.W_OK, effective_ids=True) else path


def engine_answers(seconds: float = 2.0) -> bool:
    """Whether a Docker engine of this machine answers within ``seconds``.

    Asked without the SDK, which leaks a socket when it cannot connect. Units are reached through bind mounts,
    so an engine elsewhere (DOCKER_HOST=tcp://…) counts as none.
    """
    scheme, _, path = address().partition("://")
    try:
        return scheme == "unix" and unixhttp.request(Path(path), "GET", "/version", seconds=seconds).ok
    except unixhttp.Unreachable:
        return False


def image_present(image: str) -> bool:
    """Whether the engine has this image; ``make image`` builds it."""
    with _doing("list images"):
        return bool(_client().images.list(name=image))


def image_digest(image: str) -> str:
    """Return the SHA-256 by which the engine knows what is in an image: ``sha256:`` and 64 digits."""
    with _doing("look at an image"):
        return str(_client().images.get(image).id)


def create_unit(
    image: str,
    number: int,
    unit_dir: Path,
    socket_dir: Path,
    carried: Labels,
    contained: Contained | None = None,
) -> Container:
    """Make the container of a unit whose folder is initialised, without starting it."""
    user = _hand_over(unit_dir, socket_dir)
    mounts = [
        Mount(UNIT_DIR, str(unit_dir.resolve()), type="bind"),
        Mount(SOCKET_DIR, str(socket_dir.resolve()), type="bind"),
    ]
    options: dict[str, Any] = {"hostname": f"unit{number}"}
    if contained:
        options = {
            "network_mode": f"container:{contained.holder}",
            "entrypoint": list(contained.command),
            "environment": {"PYTHONPATH": BENCH_PATH, **contained.environment},
            "init": False,
        }
    with _doing(f"make unit {number}"):
        made = _client().containers.create(
            image,
            user=user,
            labels=carried.of_unit(number),
            mounts=mounts,
            use_config_proxy=False,
            **(HARDENING | options),
        )
    return Container(str(made.id), number, unit_dir, socket_dir)


def start_holder(image: str, carried: Labels) -> str:
    """Start a container that does nothing but hold an empty network; return its id."""
    with _doing("start the holder of a network"):
        made = _client().containers.create(
            image, entrypoint=["sleep", "infinity"], command=[], labels=carried.of_all, **HARDENING
        )
        made.start()
    return str(made.id)


def reap(run_label: str, worker: str = "") -> int:
    """Remove the containers of one run, or of one of its workers; return how many there were."""
    one = [f"{labels.WORKER}={worker}"] if worker else []
    return _remove_all(list(_labelled(f"{labels.RUN}={run_label}", *one)))


def reap_leftovers() -> int:
    """Remove the containers of runs that are dead; return how many there were."""
    return _remove_all(leftovers())


def leftovers() -> list[str]:
    """Return the ids of the containers whose run is dead: their maker is gone from this machine."""
    return [
        identifier for identifier, made_by in _labelled(labels.RUN).items() if labels.owner_is_dead(made_by)
    ]


def _labelled(*wanted: str) -> dict[str, str]:
    """Map the ids of the containers with these labels to their owners, in one call to the engine."""
    with _doing("list containers"):
        found = _client().api.containers(all=True, filters={"label": list(wanted)})
    return {str(entry["Id"]): str((entry["Labels"] or {}).get(labels.OWNER, "")) for entry in found}


def _remove_all(identifiers: list[str]) -> int:
    for identifier in identifiers:
        remove(identifier)
    return len(identifiers)


def remove(identifier: str) -> None:
    """Remove a container, whatever state it is in; fine where it is gone already."""
    with _doing(f"remove container {identifier[:12]}"), contextlib.suppress(NotFound):
        _client().api.remove_container(identifier, v=True, force=True)


def _hand_over(*folders: Path) -> str:
    """Make folders belong to the unit's user and return it; that is their owner, unless it is root."""
    status = folders[0].stat()
    uid, gid = (status.st_uid, status.st_gid) if status.st_uid else (UNPRIVILEGED, UNPRIVILEGED)
    if os.geteuid() == 0:
        for folder in folders:
            for path in (folder, *folder.rglob("*")):
                if path.lstat().st_uid != uid:
                    os.chown(path, uid, gid, follow_symlinks=False)
    return f"{uid}:{gid}"


def _client() -> docker.DockerClient:
    """Return this process' client: a forked child must not share its parent's connections."""
    return _client_of(os.getpid())


@functools.cache
def _client_of(_pid: int) -> docker.DockerClient:
    made = docker.DockerClient(base_url=address(), timeout=CALL_SECONDS)
    made.api.trust_env = False  # a proxy is none of this: the engine is on this machine
    return made


@contextmanager
def _doing(purpose: str) -> Iterator[None]:
    """Turn what the SDK and its transport raise into one EngineError line."""
    try:
        yield
    except (DockerException, RequestException) as error:
        raise EngineError(f"the Docker engine cannot {purpose}: {error}") from error
