"""A rig brought back to its snapshot: units that run are power-cycled, the others started."""

import base64
import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hil.model.verdicts import Verdict
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.boundaries.relay import peer_pid
from hil.targets.hpcs.model.evidence import ErrorClass, error_class
from hil.targets.hpcs.model.processes import KMS, unit
from hil.targets.hpcs.oracle.judge import Oracle
from hil.targets.hpcs.play.bench import Bench
from hil.targets.hpcs.rig import golden
from hil.targets.hpcs.rig import rig as rig_module
from hil.targets.hpcs.rig.golden import Golden
from hil.targets.hpcs.rig.layout import scratch
from hil.targets.hpcs.rig.process import ready
from hil.targets.hpcs.rig.rig import Rig
from hsm_emulator import bearer

SHAPE = sut.Shape(operational=1, recovery=1, keys=8)
CYCLES = 12


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[Rig, Golden]]:
    """A small instance and its snapshot."""
    root = scratch("test-")
    rig = Bench("test", root, SHAPE, "", root).rig("rig")
    try:
        yield rig, golden.make(rig, root / "golden")
    finally:
        rig.close()
        shutil.rmtree(root)


@pytest.fixture
def restored(made: tuple[Rig, Golden]) -> tuple[Rig, Golden]:
    """The instance, running, as it was when it was made."""
    rig, state = made
    rig.restore(state.snapshot)
    return rig, state


def test_a_snapshot_older_than_its_token(made: tuple[Rig, Golden], tmp_path: Path) -> None:
    """An operator's token that has expired since the snapshot was made is a new one after a restore."""
    rig, state = made
    old = tmp_path / "old"
    shutil.copytree(state.snapshot, old)
    token = old / rig.layout.access_token.relative_to(rig.layout.files)
    token.write_text(bearer.issue(rig.layout.secret.read_text(), "operator", -1))
    rig.restore(old)
    ended = rig.tke("cryptounits")
    assert ended.exit_code == 0, ended.lines


def test_a_token_that_a_fault_has_expired(restored: tuple[Rig, Golden], tmp_path: Path) -> None:
    """Where a fault has let it expire before the snapshot, it stays so: the recovery has to log in."""
    rig, _ = restored
    rig.expire()
    rig.copy(tmp_path / "after")
    rig.restore(tmp_path / "after")
    ended = rig.tke("cryptounits")
    assert error_class(ended.lines, ended.exit_code) is ErrorClass.TOKEN, ended.lines


def _cycles(rig: Rig) -> list[int]:
    """Power cycles of each unit since it was started."""
    return [state["cycle"] for state in rig.rest().states(SHAPE).values()]


def _is_golden(rig: Rig, state: Golden) -> None:
    """Registers and rows are those of the snapshot, every key opens, and workloads run."""
    assert rig.rest().registers(SHAPE) == tuple(state.registers)
    rig.conductor.begin(())
    ended = rig.tke("auto-mk-rotate", sut.answers())
    assert ended.exit_code == 0, ended.lines
    oracle = Oracle(rig.layout, SHAPE, state.ledger, state.registers, rig.rest())
    assert oracle.judge(rig.terminal.printed).verdict is Verdict.RECOVERED


def test_running_units_are_cycled(restored: tuple[Rig, Golden]) -> None:
    """After a rotation the rig is what it was, with the processes of before, and rotates again."""
    rig, state = restored
    _is_golden(rig, state)
    before = _cycles(rig)
    rig.restore(state.snapshot)
    assert _cycles(rig) == [count + 1 for count in before]
    _is_golden(rig, state)


def test_a_killed_unit_is_started(restored: tuple[Rig, Golden]) -> None:
    """Where a unit and the kms have died, those start anew and the other unit is cycled."""
    rig, state = restored
    before = _cycles(rig)[0]
    rig.kill(unit(2))
    rig.kill(KMS)
    rig.restore(state.snapshot)
    assert _cycles(rig) == [before + 1, 0]
    _is_golden(rig, state)


def test_a_paused_unit_is_replaced(restored: tuple[Rig, Golden], monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit that does not answer is ended before its files change, so it cannot write into them later."""
    rig, state = restored
    monkeypatch.setattr(ready, "LOOK_SECONDS", 0.2)
    rig.pause(unit(1))
    rig.restore(state.snapshot)
    assert _cycles(rig)[0] == 0
    _is_golden(rig, state)


def _kms(rig: Rig) -> int:
    """Process id of the kms, told by its socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(rig.layout.rest()))
        return peer_pid(client)


def test_the_kms_is_kept(restored: tuple[Rig, Golden]) -> None:
    """A kms that runs begins anew in its process, one that was killed or does not answer is another one."""
    rig, state = restored
    before = _kms(rig)
    rig.restore(state.snapshot)
    assert _kms(rig) == before
    rig.kill(KMS)
    rig.restore(state.snapshot)
    assert _kms(rig) != before


def test_a_paused_kms_is_replaced(restored: tuple[Rig, Golden], monkeypatch: pytest.MonkeyPatch) -> None:
    """A kms that does not say that it is still is ended before its files change."""
    rig, state = restored
    monkeypatch.setattr(rig_module, "STILL_SECONDS", 0.2)
    before = _kms(rig)
    rig.pause(KMS)
    rig.restore(state.snapshot)
    assert _kms(rig) != before
    _is_golden(rig, state)


def test_a_request_of_before_does_not_reach_the_restored_key_store(restored: tuple[Rig, Golden]) -> None:
    """What the kms was asked when the restore began is done before the files change, or never."""
    rig, state = restored
    body = json.dumps({"name": "late", "type": "root_key"})
    head = f"Host: x\r\nAuthorization: Bearer {rig.rest().token}\r\nContent-Length: {len(body)}\r\n"
    keys = rig.rest().call("GET", "/api/v2/keys")["metadata"]["total"]
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(rig.layout.rest()))
        client.sendall(f"POST /api/v2/keys HTTP/1.1\r\n{head}\r\n{body}".encode())
        rig.rest().call("GET", "/api/v2/instance")  # it is read by now
        rig.restore(state.snapshot)
    assert rig.rest().call("GET", "/api/v2/keys")["metadata"]["total"] == keys


@pytest.fixture
def factory() -> Iterator[tuple[Rig, Path]]:
    """A running instance of units in imprint mode, which take unsigned commands, and its snapshot."""
    root = scratch("test-")
    rig = Bench("test", root, SHAPE, "", root).rig("rig")
    try:
        golden.factory(rig)
        rig.snapshot(root / "factory")
        rig.start()
        yield rig, root / "factory"
    finally:
        rig.close()
        shutil.rmtree(root)


def _ordered(rig: Rig, client: socket.socket) -> None:
    """Send a command that unit 1 accepts, and leave its answer where it is."""
    point = ec.generate_private_key(ec.SECP521R1()).public_key()
    key = point.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    new = {"name": "admin", "public_key": base64.b64encode(key).decode()}
    body = json.dumps({"counter": 1, "parameters": new, "signatures": []})
    head = f"Host: x\r\nAuthorization: Bearer {rig.rest().token}\r\nContent-Length: {len(body)}\r\n"
    client.settimeout(10)
    client.connect(str(rig.layout.admin(1)))
    client.sendall(f"POST /v1/unit/commands/admin-add HTTP/1.1\r\n{head}\r\n{body}".encode())


@pytest.mark.parametrize("order", ["answered", "under way", "paused"])
def test_a_command_of_before_does_not_reach_the_restored_files(
    factory: tuple[Rig, Path], monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    """Be a command answered, under way, or waiting in a paused unit: the files are the snapshot's."""
    rig, snapshot = factory
    monkeypatch.setattr(ready, "LOOK_SECONDS", 0.2)
    with socket.socket(socket.AF_UNIX) as client:
        if order == "paused":
            rig.pause(unit(1))
        _ordered(rig, client)
        if order == "answered":
            assert client.recv(64).startswith(b"HTTP/1.1 200 OK")
            assert rig.rest().unit(1)["counter"] == 1
        rig.restore(snapshot)
        after = rig.rest().unit(1)
        assert (after["counter"], after["administrators"]) == (0, [])
        assert (rig.layout.unit(1) / "state.json").read_bytes() == (
            snapshot / "units" / "1" / "state.json"
        ).read_bytes()


def test_files_that_make_no_unit_are_an_error(restored: tuple[Rig, Golden], tmp_path: Path) -> None:
    """A snapshot on which a unit cannot come on is told by its name, and the next restore works."""
    rig, state = restored
    broken = tmp_path / "broken"
    shutil.copytree(state.snapshot, broken)
    (broken / "units" / "2" / "state.json").write_text("{")
    with pytest.raises(ready.NotReady, match="unit:2 ended with exit code 1"):
        rig.restore(broken)
    rig.restore(state.snapshot)
    _is_golden(rig, state)


def test_many_restores_leave_no_processes_behind(restored: tuple[Rig, Golden]) -> None:
    """Restored again and again, with a client connected each time, the rig has the processes of before."""
    rig, state = restored
    for _ in range(CYCLES):
        rig.rest()
        rig.restore(state.snapshot)
    mark = str(rig.layout.sockets).encode()
    doors = [
        line
        for folder in Path("/proc").glob("[0-9]*")
        if mark in (line := _command(folder)) and b"p11.sock" in line
    ]
    assert len(doors) == len(SHAPE.numbers)


def _command(folder: Path) -> bytes:
    try:
        return (folder / "cmdline").read_bytes()
    except OSError:  # it has ended meanwhile
        return b""
