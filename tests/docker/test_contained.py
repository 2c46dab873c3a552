"""Units that the bench drives in containers: watched, power-cycled, killed and forked anew."""

import base64
import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from docker import from_env

from hil.faults.watch.supervisor import Answer, CallReply, SystemCall
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.rig import layout
from hil.targets.hpcs.rig.keystore.mirror import mirror
from hil.targets.hpcs.rig.layout import Layout
from hil.targets.hpcs.rig.process import ready
from hil.targets.hpcs.rig.process.child import NotKilled, Watch
from hil.targets.hpcs.rig.process.ready import NotReady
from hil.targets.hpcs.rig.units.containers import DockerHost
from hil.targets.hpcs.rig.units.hosts import ProcessHost
from hil.targets.hpcs.rig.zygote.client import ForkedProcess
from hsm_emulator import bearer
from hsm_emulator.wire import unixhttp
from hsm_emulator.wire.client import UnitModule

pytestmark = pytest.mark.docker

SECONDS = 30.0
SECRET = "not-a-secret-just-a-test-of-the-bearer-tokens"
DRAWN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # names that SoftHSM draws
Inspected = dict[str, Any]


@pytest.fixture
def place() -> Iterator[Layout]:
    """A rig's folders with two units in their factory state."""
    root = layout.scratch("test-")
    made = Layout(root / "files", root / "s")
    made.make(sut.Shape(operational=1, recovery=1))
    made.secret.write_text(SECRET)
    for number, unit_type in ((1, "OPERATIONAL"), (2, "RECOVERY")):
        program = sut.unit_init(made.unit(number), number, unit_type, made.secret)
        with (made.logs / "init.log").open("ab") as log, Path(os.devnull).open("rb") as nothing:
            streams = (nothing.fileno(), log.fileno(), log.fileno())
            assert ForkedProcess(program, os.environ, streams).wait(SECONDS) == 0
    yield made
    shutil.rmtree(root)


@pytest.fixture
def host(image: str, run_label: str, place: Layout) -> Iterator[DockerHost]:
    """A host of these units that has started none."""
    made = DockerHost(place, image, run_label, "worker-0")
    yield made
    made.close()


def query(place: Layout, number: int = 1) -> unixhttp.Json:
    """Ask a unit for its state."""
    reply = unixhttp.request(
        place.admin(number), "GET", "/v1/unit", token=bearer.issue(SECRET, "test"), seconds=SECONDS
    )
    assert reply.ok, reply.message
    return reply.body


def add_administrator(place: Layout, number: int = 1) -> None:
    """Give a unit in imprint mode an administrator: that needs no signature, and replaces its state file."""
    key = ec.generate_private_key(ec.SECP521R1()).public_key()
    public = base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    parameters = {"name": "admin1", "public_key": public}
    body = {"counter": 1, "parameters": parameters, "signatures": []}
    target, token = "/v1/unit/commands/admin-add", bearer.issue(SECRET, "test")
    reply = unixhttp.request(place.admin(number), "POST", target, body, token=token, seconds=SECONDS)
    assert reply.ok, reply.message


def started(run_label: str) -> dict[str, str]:
    """Map the units' containers of this run to when they were started."""
    return {entry["Id"]: entry["State"]["StartedAt"] for entry in seen(run_label) if has_unit(entry)}


def has_unit(entry: Inspected) -> bool:
    """Whether a container is a unit's, and not the holder of a network."""
    return "hil.unit" in entry["Config"]["Labels"]


def seen(run_label: str) -> list[Inspected]:
    """Return what the engine knows of the containers of this run."""
    client = from_env(timeout=20)
    try:
        found = client.containers.list(all=True, filters={"label": f"hil.run={run_label}"})
        return [container.attrs for container in found]
    finally:
        client.close()


class Asked:
    """Keeps what is asked about one unit; ``answer`` is called with the name of each call."""

    def __init__(self, place: Layout, answer: Callable[[str], Answer] = lambda _: CallReply.CONTINUE) -> None:
        self.calls: list[tuple[str, str]] = []
        self._place = place
        self._answer = answer

    def __call__(self, _number: int) -> Watch:
        """Return the watch of a unit."""
        return Watch(self._place.files, self._ask)

    def _ask(self, call: SystemCall) -> Answer:
        self.calls.append((call.name, DRAWN.sub("*", call.path)))
        return self._answer(call.name)


def test_same_calls_as_a_process(host: DockerHost, place: Layout) -> None:
    """A firmware in a container makes the calls of one that is a process: start, power cycle, command."""
    shutil.copytree(place.files, place.files.with_name("snapshot"))
    lists = []
    for each in (host, ProcessHost(place)):
        mirror(place.files.with_name("snapshot"), place.files)
        asked = Asked(place)
        each.watch(asked)
        each.start([1])
        each.cycle([1])
        add_administrator(place)
        each.close()
        lists.append(asked.calls)
    assert lists[0] == lists[1]
    assert lists[0][-5:] == [
        ("openat", "units/1/state.json.tmp"),
        ("write", "units/1/state.json.tmp"),
        ("fsync", "units/1/state.json.tmp"),
        ("rename", "units/1/state.json"),
        ("fsync", "units/1"),
    ]


def test_killed_at_a_system_call(host: DockerHost, place: Layout) -> None:
    """A container that is killed while its firmware waits for the answer has not made the call."""
    killed = threading.Event()

    def answer(name: str) -> Answer:
        if name != "rename" or killed.is_set():
            return CallReply.CONTINUE
        host.kill(1)
        killed.set()
        return CallReply.GONE

    state = place.unit(1) / "state.json"
    before = state.read_bytes()
    asked = Asked(place, answer)
    host.watch(asked)
    host.start([1])
    with pytest.raises(unixhttp.Unreachable):
        add_administrator(place)
    assert killed.wait(SECONDS)
    assert asked.calls[-1] == ("rename", "units/1/state.json")
    assert state.read_bytes() == before
    host.start([1])
    add_administrator(place)
    assert len(query(place)["administrators"]) == 1


def test_full_disk_in_a_container(host: DockerHost, place: Layout) -> None:
    """An error number in answer is what the firmware in the container gets, and its state stays."""
    host.watch(Asked(place, lambda name: errno.ENOSPC if name == "rename" else CallReply.CONTINUE))
    host.start([1])
    with pytest.raises(AssertionError, match="No space left on device"):
        add_administrator(place)
    assert query(place)["counter"] == 0


def test_only_a_kill_takes_the_container_down(host: DockerHost, place: Layout, run_label: str) -> None:
    """Stopped, watched or not, cycled, a unit keeps its container running; a kill ends it for real."""
    host.start([1, 2])
    before = started(run_label)
    assert len(before) == 2
    for asked in (Asked(place), None):
        host.stop()
        with pytest.raises(unixhttp.Unreachable):
            query(place)
        host.watch(asked)
        host.start([1, 2])
    host.cycle([1, 2])
    assert started(run_label) == before
    assert [query(place, number)["cycle"] for number in (1, 2)] == [1, 1]
    host.kill(2)
    with pytest.raises(unixhttp.Unreachable):
        query(place, 2)
    with pytest.raises(NotKilled, match="already ended"):
        host.kill(2)
    host.start([2])
    after = started(run_label)
    assert (after.keys(), len(set(after.items()) - set(before.items()))) == (before.keys(), 1)
    assert query(place, 2)["number"] == 2


def test_power_cycle_takes_the_files_as_they_are(host: DockerHost, place: Layout) -> None:
    """What the bench puts in place of a unit's files counts after the cycle, and its PKCS#11 door opens."""
    state = place.unit(1) / "state.json"
    factory = state.read_bytes()
    host.start([1])
    add_administrator(place)
    host.cycle([1])
    assert len(query(place)["administrators"]) == 1
    state.write_bytes(factory)
    host.cycle([1])
    assert query(place)["administrators"] == []
    with UnitModule(place.p11(1)) as module:
        assert module.slots()


def test_paused_and_ended(host: DockerHost, place: Layout) -> None:
    """A paused unit hangs and goes on; one that is still paused can be stopped, and started again."""
    host.start([1])
    host.pause(1)
    assert not ready.unit_answers(place.unit_sockets(1))
    host.resume(1)
    assert query(place)["number"] == 1
    host.pause(1)
    host.stop([1])
    host.start([1])
    assert query(place)["number"] == 1


def test_network_is_empty_and_nobody_elses(host: DockerHost, run_label: str) -> None:
    """Each unit takes the network of a holder of its own, which has none, and both are hardened."""
    host.start([1, 2])
    entries = seen(run_label)
    units = [entry for entry in entries if has_unit(entry)]
    holders = {f"container:{entry['Id']}" for entry in entries if not has_unit(entry)}
    assert {entry["HostConfig"]["NetworkMode"] for entry in units} == holders
    assert (len(entries), len(holders)) == (4, 2)
    for entry in entries:
        limits = entry["HostConfig"]
        assert limits["NetworkMode"] == "none" or limits["NetworkMode"] in holders
        assert (limits["ReadonlyRootfs"], limits["CapDrop"], limits["CapAdd"]) == (True, ["ALL"], None)
        assert (limits["SecurityOpt"], limits["PidsLimit"]) == (["no-new-privileges"], 128)


def test_nothing_is_left(host: DockerHost, run_label: str) -> None:
    """Closing a host removes units and holders."""
    host.start([1])
    assert len(seen(run_label)) == 2
    host.close()
    assert seen(run_label) == []


def test_container_ends_with_its_bench(image: str, place: Layout, run_label: str) -> None:
    """A unit ends with the process that drives it, because its first process sees the socket close."""
    program = (
        "import sys; from pathlib import Path; from hil.targets.hpcs.rig.units.containers import DockerHost;"
        "from hil.targets.hpcs.rig.layout import Layout;"
        "root = Path(sys.argv[1]); host = DockerHost(Layout(root / 'files', root / 's'), *sys.argv[2:]);"
        "host.start([1]); import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    )
    argv = [sys.executable, "-c", program, str(place.files.parent), image, run_label, "worker-0"]
    assert subprocess.run(argv, timeout=60, check=False).returncode == -signal.SIGKILL

    def ended() -> bool:
        return not any(entry["State"]["Running"] for entry in seen(run_label) if has_unit(entry))

    ready.until(ended, "the end of the container", SECONDS)


def test_unit_that_cannot_start(host: DockerHost, place: Layout) -> None:
    """A folder without a unit ends in NotReady, and its log holds the firmware's own words."""
    (place.unit(1) / "unit.json").unlink()
    with pytest.raises(NotReady, match="unit:1 ended with exit code 64, see its log"):
        host.start([1])
    assert "holds no crypto unit" in (place.logs / "unit-1.log").read_text()


def test_power_cycle_that_fails(host: DockerHost, place: Layout) -> None:
    """Where the files make no unit any more the firmware ends, and waiting for it says so."""
    host.start([1])
    (place.unit(1) / "state.json").write_text("{")
    with pytest.raises(NotReady, match="unit:1 ended with exit code 1"):
        host.cycle([1])
    assert "JSONDecodeError" in (place.logs / "unit-1.log").read_text()


def test_only_deaths_that_nobody_ordered_are_told(host: DockerHost, run_label: str) -> None:
    """A unit that the bench has stopped or killed has no code to tell; one that somebody else kills has."""
    host.stop()
    assert host.codes() == {}
    host.start([1, 2])
    host.kill(1)
    assert host.codes() == {2: None}
    (left,) = (entry["Id"] for entry in seen(run_label) if has_unit(entry) and entry["State"]["Running"])
    subprocess.run(["docker", "kill", left], check=True, timeout=SECONDS, capture_output=True)
    ready.until(lambda: host.codes() == {2: -signal.SIGKILL}, "the end of unit 2", SECONDS)
