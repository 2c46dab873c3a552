"""SIGHUP is a power cycle: what is in memory goes, what is in the files counts, whoever put it there."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import tenacity

from hsm_emulator import bearer
from hsm_emulator.instance import UnitType
from hsm_emulator.wire.client import UnitModule
from hsm_emulator.wire.constants import Attribute
from hsm_emulator.wire.errors import UnitLost

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.hsm_emulator.unit.admin import Admin
    from tests.hsm_emulator.unit.unit import Unit

SECRET = "secret of the tests, long enough for an HMAC with SHA-256"
CYCLES = 20


@pytest.fixture
def unit(new_unit: "Callable[..., Unit]", admins: "list[Admin]") -> "Unit":
    """A recovery unit with one administrator and a current master key."""
    unit: Unit = new_unit(UnitType.RECOVERY)
    unit.leave_imprint(admins[:1])
    unit.do("generate", signers=admins[:1])
    return unit


def shown(unit: "Unit") -> dict[str, object]:
    """What a unit shows of itself, its count of power cycles aside."""
    return {name: value for name, value in unit.query().items() if name != "cycle"}


def keep(unit: "Unit", name: str) -> Path:
    """Copy the folder of a unit."""
    return Path(shutil.copytree(unit.root, unit.root.with_name(name)))


def put_back(unit: "Unit", copy: Path) -> None:
    """Replace what is in the folder of a unit, the file that the firmware holds aside."""
    for path in unit.root.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "lock":
            path.unlink()
    shutil.copytree(copy, unit.root, ignore=shutil.ignore_patterns("lock"), dirs_exist_ok=True)


poll = tenacity.retry(
    retry=tenacity.retry_if_exception_type(AssertionError),
    wait=tenacity.wait_fixed(0.002),
    stop=tenacity.stop_after_delay(10),
    reraise=True,
)


@poll
def left_over(session: int, count: int) -> None:
    """Poll until a session has that many processes; the killed ones take a moment to go."""
    seen = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        state, _, _, its_session = rest.split()[:4]
        if int(its_session) == session and state != "Z":
            seen.append(name)
    assert len(seen) == count, seen


def test_state_stays_and_memory_goes(unit: "Unit", admins: "list[Admin]") -> None:
    """Registers, administrators and counter outlive a power cycle, an importer key does not."""
    one = admins[:1]
    importer = unit.do("importer", signers=one)
    before, kept = shown(unit), unit.objects
    unit.cycle()
    assert (shown(unit), unit.objects) == (before, kept)
    wrapped = {"wrapped": "", "public_key": ""}
    order = {"importer_id": importer["importer_id"], "parts": [wrapped, wrapped]}
    assert "importer" in unit.send("load", order, one).message
    assert unit.load([b"\1" * 32, b"\2" * 32], one).ok
    unit.do("commit", {"pattern": unit.register("new")[1]}, one)
    unit.do("setimm", {"pattern": unit.register("new")[1]}, one)


def test_torn_object_is_swept(unit: "Unit") -> None:
    """A torn object file goes with the next power cycle, and the token works."""
    kept = unit.objects
    folder = next(unit.root.glob("tokens/*"))
    (folder / "torn.object").write_bytes((folder / kept[0]).read_bytes()[:-40])
    unit.cycle()
    assert unit.objects == kept
    assert unit.register("current")[0] == "Valid"


def test_replaced_files_are_seen(unit: "Unit", admins: "list[Admin]") -> None:
    """A folder put back to what it was, in place, makes the unit what it was, key and PIN included."""
    one, before, copy = admins[:1], shown(unit), keep(unit, "copy")
    unit.do("clrcur", signers=one)
    unit.do("generate", signers=one)
    unit.cycle(lambda: put_back(unit, copy))
    assert shown(unit) == before
    with UnitModule(unit.sockets / "p11.sock") as module:
        session = module.open_session("unit1", (unit.root / "pin").read_text())
        register = unit.query()["registers"]["current"]
        session.master_key(bytes.fromhex(register["key_id"]), bytes.fromhex(register["pattern"]))
    unit.do("generate", signers=one)


def test_another_folder_in_its_place_is_another_unit(
    unit: "Unit", new_unit: "Callable[..., Unit]", admins: "list[Admin]"
) -> None:
    """After a swap of folders the unit is what now stands at its path, and holds that."""
    other = new_unit(start=False)

    def swap() -> None:
        unit.root.rename(unit.root.with_name("away"))
        other.root.rename(unit.root)

    unit.cycle(swap)
    assert (unit.query()["number"], unit.query()["imprint"]) == (2, True)
    arguments = ["serve", "--dir", str(unit.root), "--sockets", str(unit.sockets)]
    busy = subprocess.run(
        [sys.executable, "-m", "hsm_emulator.unit", *arguments], capture_output=True, text=True, timeout=20
    )
    assert (busy.returncode, "in use" in busy.stderr) == (64, True)
    unit.leave_imprint(admins[:1])
    unit.cycle()
    assert unit.query()["imprint"] is False


def old_bearer_is_refused(unit: "Unit") -> None:
    """Check that the bearer of before the cycle does not hold any more."""
    assert unit.call("GET", "/v1/unit").status == 401


def test_secret_of_the_bearers_is_read_again(unit: "Unit") -> None:
    """With another secret in the folder, bearers of before are refused."""
    (unit.root / "iam.secret").write_text("another secret, also long enough for its purpose")
    os.kill(unit.pid, signal.SIGHUP)
    poll(old_bearer_is_refused)(unit)
    token = bearer.issue("another secret, also long enough for its purpose", "tests")
    assert unit.call("GET", "/v1/unit", token=token).body["cycle"] == 1


def test_connections_of_before_are_lost(unit: "Unit") -> None:
    """A PKCS#11 client of before has lost its unit, and may connect again."""
    pin = (unit.root / "pin").read_text()
    with UnitModule(unit.sockets / "p11.sock") as module:
        session = module.open_session("unit1", pin)
        unit.cycle()
        with pytest.raises(UnitLost):
            session.find({Attribute.LABEL: b"master-key"})
    with UnitModule(unit.sockets / "p11.sock") as module:
        assert len(module.open_session("unit1", pin).find({Attribute.LABEL: b"master-key"})) == 1


def test_request_during_a_cycle_is_answered(unit: "Unit", admins: "list[Admin]") -> None:
    """A command that arrives together with the power cycle is carried out once, by the unit that is on."""
    body = json.dumps(unit.body("generate", {}, admins[:1]))
    head = (
        "POST /v1/unit/commands/generate HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Authorization: Bearer {bearer.issue(SECRET, 'tests')}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    os.kill(unit.pid, signal.SIGSTOP)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(unit.sockets / "admin.sock"))
        client.sendall((head + body).encode())
        os.kill(unit.pid, signal.SIGHUP)
        os.kill(unit.pid, signal.SIGCONT)
        assert client.recv(64).startswith(b"HTTP/1.1 200 OK")
    unit.cycled(1)
    assert unit.register("new")[0] == "Full Uncommitted"


def test_nothing_leaks(unit: "Unit") -> None:
    """After twenty power cycles under connected clients: firmware, the door of before, its descriptors."""
    pin = (unit.root / "pin").read_text()
    for round_ in range(CYCLES):
        with UnitModule(unit.sockets / "p11.sock") as module:
            module.open_session("unit1", pin)
            unit.cycle()
        if round_ == 0:
            descriptors = len(list(Path(f"/proc/{unit.pid}/fd").iterdir()))
    assert unit.query()["cycle"] == CYCLES
    # A connection that is just being closed may count in either look; a leak would count in every cycle.
    grown = len(list(Path(f"/proc/{unit.pid}/fd").iterdir())) - descriptors
    assert abs(grown) < CYCLES // 2
    left_over(unit.pid, 2)
    said = unit.log.read_text().splitlines()  # the door tells of every connection that is cut
    assert all("died with signal 9" in line for line in said)
    assert unit.stop() == 0


def test_cycle_that_fails_ends_the_unit(unit: "Unit") -> None:
    """Where the files do not make a unit, the process ends with one line that says why, door and all."""
    for name in unit.objects:
        next(unit.root.glob(f"tokens/*/{name}")).unlink()
    os.kill(unit.pid, signal.SIGHUP)
    session = unit.pid
    assert unit.ended() == 1
    assert unit.log.read_text().count("\n") == 1
    assert "gone" in unit.log.read_text()
    left_over(session, 0)


def test_cycle_asked_for_before_the_unit_is_on(new_unit: "Callable[..., Unit]") -> None:
    """A SIGHUP that finds the unit still starting is no end of it: it is on, then cycled."""
    unit = new_unit(start=False)
    started = subprocess.Popen(
        [sys.executable, "-m", "hsm_emulator.unit", "serve", "--dir", unit.root, "--sockets", unit.sockets],
        start_new_session=True,
        preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP}),  # noqa: PLW1509
    )
    try:
        started.send_signal(signal.SIGHUP)
        unit.ready()
        unit.cycled(1)
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait(10)
