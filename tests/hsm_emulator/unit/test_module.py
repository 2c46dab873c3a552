"""A crypto unit on another PKCS#11 module than SoftHSM: NSS softokn, as the example profile describes it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.targets.hpcs.rig.modules.install import install
from hil.targets.hpcs.rig.modules.profile import read
from hsm_emulator.instance import UnitType
from hsm_emulator.wire.client import Session, UnitModule
from hsm_emulator.wire.constants import Attribute, Mechanism, ObjectClass, P11KeyType
from hsm_emulator.wire.values import Template

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.hsm_emulator.unit.admin import Admin
    from tests.hsm_emulator.unit.unit import Unit

SECONDS = 30
MASTER_KEYS: Template = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: b"master-key"}
ROW: Template = {
    Attribute.CLASS: ObjectClass.SECRET_KEY,
    Attribute.KEY_TYPE: P11KeyType.AES,
    Attribute.TOKEN: False,
    Attribute.SENSITIVE: False,
    Attribute.EXTRACTABLE: True,
}
LEAVE_BEHIND = """
import sys
from pathlib import Path
from hsm_emulator.unit.factory import power_on
from hsm_emulator.unit.state import Folder

token = power_on(Folder(Path(sys.argv[1])))._token
with token.random_key() as candidate:
    token.keep(candidate)
"""
LOSE = LEAVE_BEHIND + "token.sweep(())"


@pytest.fixture
def description(nss: Path, memory: Path) -> Path:
    """The module.json of NSS softokn."""
    return install(read(nss), memory / "module").file


@pytest.fixture
def unit(new_unit: "Callable[..., Unit]", admins: "list[Admin]", description: Path) -> "Unit":
    """A recovery unit on NSS softokn with a key in its CURRENT register."""
    made = new_unit(UnitType.RECOVERY, module=description)
    made.leave_imprint(admins[:1])
    made.do("generate", signers=admins[:1])
    return made


def opened(unit: "Unit", module: UnitModule) -> Session:
    """Log in at the unit's PKCS#11 door."""
    return module.open_session("unit1", (unit.root / "pin").read_text())


def on_the_token(unit: "Unit", script: str) -> None:
    """Run a script on the folder of a stopped unit."""
    command = [sys.executable, "-c", script, str(unit.root)]
    subprocess.run(command, timeout=SECONDS, check=True)


def test_survives_a_kill(unit: "Unit") -> None:
    """What a killed unit had in a register it still has, as the token itself says."""
    state, pattern = unit.register("current")
    unit.kill()
    unit.start()
    assert unit.register("current") == (state, pattern)
    key_id = unit.query()["registers"]["current"]["key_id"]
    with UnitModule(unit.sockets / "p11.sock") as module:
        assert opened(unit, module).master_key(bytes.fromhex(key_id), bytes.fromhex(pattern))


def test_rewraps(unit: "Unit") -> None:
    """The wire client unwraps, under the unit's key, the row that it has wrapped."""
    register = unit.query()["registers"]["current"]
    value = os.urandom(32)
    with UnitModule(unit.sockets / "p11.sock") as module:
        session = opened(unit, module)
        master = session.master_key(bytes.fromhex(register["key_id"]), bytes.fromhex(register["pattern"]))
        blob = session.wrap(Mechanism.AES_KEY_WRAP, master, session.create({**ROW, Attribute.VALUE: value}))
        row = session.unwrap(Mechanism.AES_KEY_WRAP, master, blob, ROW)
        assert session.attributes(row, [Attribute.VALUE]) == {Attribute.VALUE: value}


def test_sweeps(unit: "Unit") -> None:
    """A key that an interrupted command has left on the token is gone when the unit comes on."""
    unit.kill()
    on_the_token(unit, LEAVE_BEHIND)
    unit.start()
    with UnitModule(unit.sockets / "p11.sock") as module:
        assert len(opened(unit, module).find(MASTER_KEYS)) == 1


def test_key_lost(unit: "Unit") -> None:
    """A unit whose token has lost the key of a register says so, and does not start."""
    unit.kill()
    on_the_token(unit, LOSE)
    argv = ["serve", "--dir", str(unit.root), "--sockets", str(unit.sockets)]
    assert unit.zygote.wait(unit.zygote.start(argv, unit.log)) == 1
    assert unit.log.read_text().endswith("KeyLostError: 1 master key object(s) of the registers are gone\n")


@pytest.mark.parametrize("given", [True, False])
def test_token_that_is_there(memory: Path, description: Path, *, given: bool) -> None:
    """A folder with a token is copied, and its PIN comes from the environment, or is named as missing."""
    pin = memory / "pin"
    pin.write_text("pin-of-the-tests")
    there = memory / "there" / "1"
    there.mkdir(parents=True)
    subprocess.run(["certutil", "-N", "-d", f"sql:{there}", "-f", pin], timeout=SECONDS, check=True)
    copied = {"make_token": [], "copy_from": str(memory / "there" / "{number}"), "pin_variable": "HSM_PIN"}
    description.write_text(json.dumps(json.loads(description.read_text()) | copied))
    words = [
        "init",
        "--dir",
        str(memory / "1"),
        "--number",
        "1",
        "--type",
        "RECOVERY",
        "--location",
        "[a].[01]",
    ]
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "hsm_emulator.unit",
            *words,
            "--iam-secret",
            str(pin),
            "--module",
            str(description),
        ],
        env=os.environ | ({"HSM_PIN": pin.read_text()} if given else {}),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    complaint = "hsm_emulator.unit: TokenError: no PIN: the environment variable HSM_PIN is not set\n"
    assert (ended.returncode, ended.stderr) == ((0, "") if given else (1, complaint))
    assert (memory / "1" / "unit.json").exists() is given
    assert (there / "key4.db").exists()
