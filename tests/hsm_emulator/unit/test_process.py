"""A crypto unit as processes: its two doors, its ends, its command line."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import tenacity

from hsm_emulator.instance import UnitType
from hsm_emulator.wire.client import UnitModule
from hsm_emulator.wire.constants import Attribute
from hsm_emulator.wire.unixhttp import Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.hsm_emulator.unit.admin import Admin
    from tests.hsm_emulator.unit.unit import Unit


def cli(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command line of a unit."""
    command = [sys.executable, "-m", "hsm_emulator.unit", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def children(pid: int) -> list[int]:
    """Return the children of a process."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@tenacity.retry(wait=tenacity.wait_fixed(0.005), stop=tenacity.stop_after_delay(5), reraise=True)
def gone(pid: int) -> None:
    """Poll until a process is gone, or a zombie that its new parent has not collected yet."""
    status = Path(f"/proc/{pid}/status")
    assert not status.exists() or "State:\tZ" in status.read_text()


def test_client_of_before_sees_keys_of_after(new_unit: "Callable[..., Unit]", admins: "list[Admin]") -> None:
    """A PKCS#11 client connected before a key was made finds it, and loses one that was destroyed."""
    unit, one = new_unit(UnitType.RECOVERY), admins[:1]
    unit.leave_imprint(one)
    with UnitModule(unit.sockets / "p11.sock") as module:
        session = module.open_session("unit1", (unit.root / "pin").read_text())
        template = {Attribute.LABEL: b"master-key"}
        assert session.find(template) == []
        unit.do("generate", signers=one)
        register = unit.query()["registers"]["current"]
        session.master_key(bytes.fromhex(register["key_id"]), bytes.fromhex(register["pattern"]))
        unit.do("clrcur", signers=one)
        assert session.find(template) == []


@pytest.mark.parametrize(
    ("unit_type", "extractable"), [(UnitType.RECOVERY, True), (UnitType.OPERATIONAL, False)]
)
def test_attributes_of_master_keys(
    new_unit: "Callable[..., Unit]", admins: "list[Admin]", unit_type: UnitType, *, extractable: bool
) -> None:
    """A master key is sensitive and private everywhere, and leaves, wrapped, recovery units alone."""
    unit, one = new_unit(unit_type), admins[:1]
    unit.leave_imprint(one)
    assert unit.load([b"\x01" * 32, b"\x02" * 32], one).ok
    kinds = [Attribute.SENSITIVE, Attribute.PRIVATE, Attribute.EXTRACTABLE, Attribute.WRAP, Attribute.UNWRAP]
    with UnitModule(unit.sockets / "p11.sock") as module:
        session = module.open_session("unit1", (unit.root / "pin").read_text())
        (key,) = session.find({Attribute.LABEL: b"master-key"})
        shown = session.attributes(key, kinds)
    assert [shown[kind] for kind in kinds] == [True, True, extractable, True, True]


def test_known_key_stands_nowhere(new_unit: "Callable[..., Unit]", admins: "list[Admin]") -> None:
    """No byte of a known master key, of its parts or of the PIN stands in a file, log or environment."""
    unit, one = new_unit(UnitType.RECOVERY), admins[:1]
    unit.leave_imprint(one)
    parts = [os.urandom(32), os.urandom(32)]
    key = bytes(a ^ b for a, b in zip(*parts, strict=True))
    assert unit.load(parts, one).ok
    pattern = {"pattern": unit.register("new")[1]}
    for command in ("commit", "setimm"):
        unit.do(command, pattern, one)
    assert unit.refusal("commit", pattern, one) == (102, 50)
    assert unit.load(parts, one).status == 409
    assert unit.post("clrnew", {"counter": key.hex()}).status == 400
    files = unit.files()
    pin = files.pop("pin")
    processes = b"".join(
        Path(f"/proc/{pid}/{name}").read_bytes()
        for pid in (unit.pid, *children(unit.pid))
        for name in ("environ", "cmdline")
    )
    unit.stop()
    written = [*files.values(), unit.log.read_bytes(), processes]
    for secret in (*parts, key, pin):
        for form in (secret, secret.hex().encode(), secret[:16], secret[16:]):
            assert not any(form in content for content in written if form)
    assert unit.log.read_bytes() == b""


def test_ends_in_order(new_unit: "Callable[..., Unit]") -> None:
    """On SIGTERM the unit ends with code 0 and takes its PKCS#11 door and the connections along."""
    unit = new_unit()
    with UnitModule(unit.sockets / "p11.sock"):
        (door,) = children(unit.pid)
        (remote,) = children(door)
        assert unit.stop() == 0
        gone(door)
        gone(remote)
    with pytest.raises(Unreachable):
        unit.query()


def test_door_dies_with_the_firmware(new_unit: "Callable[..., Unit]") -> None:
    """When the firmware alone is killed, no PKCS#11 door stays open behind it."""
    unit = new_unit()
    (door,) = children(unit.pid)
    os.kill(unit.pid, signal.SIGKILL)
    assert unit.ended() == -signal.SIGKILL
    gone(door)


def test_firmware_ends_with_its_door(new_unit: "Callable[..., Unit]") -> None:
    """When the PKCS#11 door ends, the unit ends: half a unit is none."""
    unit = new_unit()
    (door,) = children(unit.pid)
    os.kill(door, signal.SIGKILL)
    assert unit.ended() == 1
    assert unit.log.read_text() == "hsm_emulator.unit: P11ServerError: p11-kit server was killed\n"


def test_folder_may_move(new_unit: "Callable[..., Unit]", admins: "list[Admin]") -> None:
    """A unit whose folder stands elsewhere, as in a container, is the same unit."""
    unit, one = new_unit(UnitType.RECOVERY), admins[:1]
    unit.leave_imprint(one)
    unit.do("generate", signers=one)
    before = unit.query()
    unit.stop()
    unit.root = unit.root.rename(unit.root.with_name("elsewhere"))
    unit.start()
    assert unit.query() == before
    unit.do("generate", signers=one)


def test_leftovers_are_swept(new_unit: "Callable[..., Unit]", admins: "list[Admin]") -> None:
    """Torn and orphan object files go at the start; the keys of the registers stay."""
    unit, one = new_unit(UnitType.RECOVERY), admins[:1]
    unit.leave_imprint(one)
    unit.do("generate", signers=one)
    before, kept = unit.query(), unit.objects
    unit.stop()
    folder = next(unit.root.glob("tokens/*"))
    whole = (folder / kept[0]).read_bytes()
    for name, content in (("torn", whole[:-40]), ("empty", b""), ("orphan", whole)):
        (folder / f"{name}.object").write_bytes(content)
        (folder / f"{name}.lock").touch()
    unit.start()
    assert (unit.query(), unit.objects) == (before, kept)
    assert not (folder / "torn.lock").exists()
    for name in ("torn", "empty", "orphan"):
        assert f"{name}.object is in no register and was deleted\n" in unit.log.read_text()


def test_lost_key_is_told(new_unit: "Callable[..., Unit]", admins: "list[Admin]") -> None:
    """A unit whose key object is gone does not start, and says so."""
    unit, one = new_unit(UnitType.RECOVERY), admins[:1]
    unit.leave_imprint(one)
    unit.do("generate", signers=one)
    unit.stop()
    for path in unit.root.glob("tokens/*/*.object"):
        if path.stem != "token":
            path.unlink()
    ended = cli("serve", "--dir", unit.root, "--sockets", unit.sockets)
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "gone" in ended.stderr


def test_running_unit_is_left_alone(new_unit: "Callable[..., Unit]", memory: Path) -> None:
    """Nobody else works on the folder of a unit that runs."""
    unit = new_unit(UnitType.RECOVERY)
    before = unit.query()
    for arguments in (("serve", "--sockets", memory / "other"), ("trial",)):
        busy = cli(arguments[0], "--dir", unit.root, *arguments[1:])
        assert (busy.returncode, busy.stderr.count("\n")) == (64, 1)
        assert "in use" in busy.stderr
    assert unit.query() == before


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("open",),
        ("init", "--dir", "u"),
        ("serve", "--dir", "nowhere", "--sockets", "s"),
        ("serve", "--dir", ".", "--sockets", "s" * 120),
        ("trial", "--dir", "nowhere"),
    ],
)
def test_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    """Bad input is one line on stderr and exit code 64, and creates nothing."""
    monkeypatch.chdir(tmp_path)
    ended = cli(*arguments)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (64, "", 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("--number", "0"),
        ("--number", "one"),
        ("--type", "SPARE"),
        ("--location", "somewhere"),
        ("--iam-secret", "nowhere"),
        ("--module", "nowhere.json"),
    ],
)
def test_init_arguments(tmp_path: Path, name: str, value: str) -> None:
    """A wrong argument of init makes no unit."""
    secret = tmp_path / "iam.secret"
    secret.write_text("secret")
    options = {"--number": "1", "--type": "RECOVERY", "--location": "[a].[b].[01].[01]"}
    options |= {"--iam-secret": str(secret), "--dir": str(tmp_path / "unit"), name: value}
    ended = cli("init", *(word for option in options.items() for word in option))
    assert (ended.returncode, ended.stderr.count("\n")) == (64, 1)
    assert not (tmp_path / "unit").exists()


def test_init_twice(new_unit: "Callable[..., Unit]", memory: Path) -> None:
    """A second init leaves a unit as it is; after an interrupted first one it starts over."""
    unit = new_unit(start=False)
    assert {path.stat().st_mode & 0o077 for path in unit.root.rglob("*")} == {0}
    order = ["init", "--dir", unit.root, "--number", 1, "--type", "RECOVERY", "--location", "[a].[01]"]
    order += ["--iam-secret", memory / "iam.secret"]
    before = unit.files()
    assert cli(*order).returncode == 64
    assert unit.files() == before
    (unit.root / "unit.json").unlink()
    shutil.copytree(next(unit.root.glob("tokens/*")), unit.root / "tokens" / "second")
    assert cli(*order).returncode == 0
    unit.start()
    assert unit.query()["type"] == "RECOVERY"
