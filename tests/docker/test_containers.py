"""Crypto units in containers, on a real engine."""

import base64
import hashlib
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from docker import from_env

from hil.targets.hpcs.rig.process import ready
from hil.targets.hpcs.rig.process.child import NotKilled
from hil.targets.hpcs.rig.units import docker
from hil.targets.hpcs.rig.units.labels import Labels
from hsm_emulator import bearer
from hsm_emulator.unit.command import signed_bytes
from hsm_emulator.wire import unixhttp
from hsm_emulator.wire.client import UnitModule
from tests.hsm_emulator.wire.drawn import drawn

pytestmark = pytest.mark.docker

SECRET = "not-a-secret-just-a-test-of-the-bearer-tokens"
Start = Callable[..., docker.Container]
Json = unixhttp.Json


def ask(
    unit: docker.Container, method: str, target: str, body: Json | None = None, seconds: float = 10
) -> Json:
    """Send an admin request that must succeed; return the body of its reply."""
    token = bearer.issue(SECRET, "test")
    admin = unit.socket_dir / "admin.sock"
    reply = unixhttp.request(admin, method, target, body, token=token, seconds=seconds)
    assert reply.ok, reply.message
    return reply.body


def inside(unit: docker.Container, program: str) -> str:
    """Run Python in the container of a unit, as its user; return what it printed."""
    client = from_env(timeout=20)
    try:
        code, output = client.containers.get(unit.id).exec_run(["python3", "-c", textwrap.dedent(program)])
    finally:
        client.close()
    assert isinstance(output, bytes)
    assert code == 0, output
    return output.decode().strip()


class Administrator:
    """An administrator with a signature key, who signs commands for one unit."""

    def __init__(self, unit: docker.Container) -> None:
        self._unit = unit
        self._key = ec.generate_private_key(ec.SECP521R1())
        self._spki = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def order(self, command: str, **parameters: str | int) -> None:
        """Have a command carried out, with one signature."""
        unit = ask(self._unit, "GET", "/v1/unit")
        counter = unit["counter"] + 1
        message = signed_bytes(command, counter, unit["module"], unit["domain"], parameters)
        signature = self._key.sign(message, ec.ECDSA(hashes.SHA512()))
        ski = hashlib.sha256(self._spki).hexdigest()
        signed = {"ski": ski, "signature": base64.b64encode(signature).decode()}
        body = {"counter": counter, "parameters": parameters, "signatures": [signed]}
        ask(self._unit, "POST", f"/v1/unit/commands/{command}", body)

    def initialise(self) -> None:
        """Become the administrator of the unit, leave imprint mode and generate a master key."""
        self.order("admin-add", name="admin1", public_key=base64.b64encode(self._spki).decode())
        self.order("threshold-set", signature=1, revocation=1)
        self.order("generate")


def test_container_is_hardened(start: Start) -> None:
    """The engine runs a unit with no network, no capabilities, a read-only root, limits and labels."""
    client = from_env(timeout=20)
    attributes = client.containers.get(start().id).attrs
    client.close()
    host, labels = attributes["HostConfig"], attributes["Config"]["Labels"]
    assert host["NetworkMode"] == "none"
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Privileged"]
    assert "no-new-privileges" in host["SecurityOpt"]
    assert host["Memory"] == host["MemorySwap"] == 256 * 2**20
    assert host["PidsLimit"] == 128
    assert {mount["Target"] for mount in host["Mounts"]} == {"/unit", "/run/unit"}
    assert labels["hil.worker"] == "worker-0"
    assert labels["hil.run"].startswith("test-")


def test_firmware_cannot_leave_its_container(start: Start) -> None:
    """Inside a unit: not root, no capability, loopback alone, and nothing to write to but its mounts."""
    seen = inside(
        start(),
        """
        import os, pathlib, socket
        status = pathlib.Path("/proc/self/status").read_text()
        print(os.getuid() != 0, "CapEff:\\t0000000000000000" in status, "NoNewPrivs:\\t1" in status)
        print([name for _, name in socket.if_nameindex()])
        print(bool(os.statvfs("/").f_flag & os.ST_RDONLY))
        for folder in ("/", "/opt/hsm-hil", "/etc", "/usr/bin"):
            try:
                pathlib.Path(folder, "probe").write_text("x")
                print("written", folder)
            except OSError:
                print("refused")
        """,
    ).splitlines()
    assert seen == ["True True True", "['lo']", "True", *["refused"] * 4]


def test_kill_is_proven_and_registers_outlive_it(start: Start) -> None:
    """A killed unit is dead when kill returns, and has its registers and master key after the next start."""
    unit = start(unit_type="RECOVERY")
    Administrator(unit).initialise()
    before = ask(unit, "GET", "/v1/unit")
    assert before["registers"]["current"]["state"] == "Valid"

    unit.kill()
    assert not unit.alive()
    with pytest.raises(unixhttp.Unreachable):
        ask(unit, "GET", "/v1/unit")
    unit.start()
    ready.until(lambda: ready.unit_answers(unit.socket_dir), "the unit", 30)
    assert ask(unit, "GET", "/v1/unit") == before


def test_dead_unit_is_not_killed_again(start: Start) -> None:
    """Killing a unit that has ended already is an error: the fault did not fire."""
    unit = start()
    unit.kill()
    with pytest.raises(NotKilled, match="already ended"):
        unit.kill()


def test_paused_unit_hangs_and_goes_on(start: Start) -> None:
    """A paused unit is alive and does not answer; unpaused it does; a paused one can be killed."""
    unit = start()
    unit.pause()
    assert unit.alive()
    with pytest.raises(unixhttp.Unreachable):
        ask(unit, "GET", "/v1/unit", seconds=0.2)
    unit.unpause()
    assert ask(unit, "GET", "/v1/unit")["number"] == 1
    unit.pause()
    unit.kill()
    assert not unit.alive()


def test_wire_works_from_the_host(start: Start) -> None:
    """The PKCS#11 socket of a container takes the host's connections: login and a session object."""
    unit = start()
    pin = (unit.unit_dir / "pin").read_text()
    with UnitModule(unit.socket_dir / "p11.sock") as module, module.open_session("unit1", pin) as session:
        assert len(drawn(session, 16)) == 16


def test_two_runs_side_by_side(start: Start, run_label: str) -> None:
    """Reaping a run removes its containers and leaves those of another run answering."""
    other = f"{run_label}-other"
    mine, theirs = start(1), start(2, run=other)
    try:
        assert docker.reap(run_label) == 1
        assert ask(theirs, "GET", "/v1/unit")["number"] == 2
        with pytest.raises(docker.EngineError, match="No such container"):
            mine.alive()
    finally:
        assert docker.reap(other) == 1


def test_leftovers_are_those_of_dead_runs(image: str, start: Start, run_label: str, rig_dir: Path) -> None:
    """A container whose maker has died is a leftover; one whose maker lives is not."""
    mine = start()
    program = (
        "import sys; from pathlib import Path; from hil.targets.hpcs.rig.units import docker, labels;"
        "folder = Path(sys.argv[2]); print(docker.create_unit("
        "sys.argv[1], 9, folder, folder, labels.Labels(sys.argv[3], 'worker-0')).id)"
    )
    folder = rig_dir / "orphan"
    folder.mkdir()
    maker = subprocess.run(
        [sys.executable, "-c", program, image, folder, run_label],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
    )
    left = docker.leftovers()
    assert maker.stdout.strip() in left
    assert mine.id not in left


def test_absent_image_is_one_clear_error(run_label: str, rig_dir: Path) -> None:
    """An image that is not there is an EngineError that names it."""
    with pytest.raises(docker.EngineError, match="hsm-hil/unit:absent"):
        docker.create_unit("hsm-hil/unit:absent", 1, rig_dir, rig_dir, Labels(run_label, "worker-0"))
