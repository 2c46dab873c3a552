"""An instance by hand: up, look, type commands, kill a unit, up again, down."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.rig.process import owner, ready

if TYPE_CHECKING:
    from tests.e2e.conftest import Place

SMALL = ("--backend", "process", "--operational", "1", "--recovery", "1", "--keys", "8")


def _exports(printed: str) -> dict[str, str]:
    """Read the environment that ``hil up`` says to type."""
    lines = (line.removeprefix("export ") for line in printed.splitlines() if line.startswith("export TKE_I"))
    more = (line.removeprefix("export ") for line in printed.splitlines() if line.startswith("export CLOUD"))
    return dict(line.split("=", 1) for line in (*lines, *more))


def _tke(environment: dict[str, str], command: str, *answers: str) -> "subprocess.CompletedProcess[str]":
    """Type a command and its answers, as a person does."""
    return subprocess.run(
        [Path(sys.executable).with_name("tke"), command],
        env={**os.environ, **environment, "TKE_DELAY_SECONDS": "0"},
        input="".join(answer + "\n" for answer in answers),
        capture_output=True,
        text=True,
        timeout=100,
    )


@pytest.mark.slow
def test_life_of_an_instance(place: "Place") -> None:
    """A rotation by hand keeps all keys; a dead unit is shown and started again; down leaves nothing."""
    folder = place.runs / "mine"
    up = place.hil("up", *SMALL, "--dir", str(folder))
    assert up.returncode == 0, up
    environment = _exports(up.stdout)

    status = place.hil("status", "--dir", str(folder))
    assert status.returncode == 0, status
    assert "keys readable with CURRENT on every operational crypto unit: 8 of 8" in status.stdout
    assert _tke(environment, "login").returncode == 0
    rotated = _tke(environment, "auto-mk-rotate", "y", sut.PASSWORD, sut.PASSWORD)
    assert rotated.returncode == 0, rotated
    assert rotated.stdout.endswith("Master key rotation successful.\n")
    after = place.hil("status", "--dir", str(folder))
    assert after.returncode == 0, after
    assert after.stdout != status.stdout

    unit = owner.parse(json.loads((folder / "hil.json").read_text())["owners"]["unit:1"])
    os.killpg(unit.pid, signal.SIGKILL)
    ready.until(lambda: not unit.may_live(), "the end of the unit", 30)
    dead = place.hil("status", "--dir", str(folder))
    assert dead.returncode == 1, dead
    assert "unit:1  DEAD; hil up starts it again" in dead.stdout

    again = place.hil("up", "--dir", str(folder))
    assert again.returncode == 0, again
    assert _exports(again.stdout) == environment
    assert place.hil("status", "--dir", str(folder)).stdout == after.stdout

    kept = place.hil("down", "--keep", "--dir", str(folder))
    assert kept.returncode == 0, kept
    ready.until(lambda: not place.processes(), "the end of all", 30)
    place.hil("up", "--dir", str(folder))
    assert place.hil("status", "--dir", str(folder)).stdout == after.stdout
    assert place.hil("down", "--dir", str(folder)).returncode == 0
    place.nothing_left()
    assert not folder.exists()
    assert place.hil("down", "--dir", str(folder)).returncode == 64


@pytest.mark.slow
def test_a_unit_that_cannot_start(place: "Place") -> None:
    """Of two dead units the healthy one comes up, and of the other its reason and its log are named."""
    folder = place.runs / "mine"
    assert place.hil("up", *SMALL, "--dir", str(folder)).returncode == 0
    owners = json.loads((folder / "hil.json").read_text())["owners"]
    units = [owner.parse(owners[f"unit:{number}"]) for number in (1, 2)]
    for unit in units:
        os.killpg(unit.pid, signal.SIGKILL)
    ready.until(lambda: not any(unit.may_live() for unit in units), "the end of the units", 30)
    for path in (folder / "files" / "units" / "1").glob("tokens/*/*.object"):
        if path.stem != "token":
            path.unlink()

    up = place.hil("up", "--dir", str(folder))
    assert up.returncode == 70, up
    assert up.stderr.count("\n") == 1, up
    log = folder / "files" / "logs" / "unit-1.log"
    for said in (
        "crypto unit 1 does not start: KeyLostError: ",
        f"(its log: {log})",
        "1 other crypto units run",
    ):
        assert said in up.stderr
    status = place.hil("status", "--dir", str(folder))
    assert "unit:1  DEAD" in status.stdout
    assert "unit:2  running" in status.stdout
    assert place.hil("down", "--dir", str(folder)).returncode == 0
    place.nothing_left()


@pytest.mark.slow
def test_a_unit_that_fails_is_no_running_one(place: "Place") -> None:
    """Of a unit that runs and has lost a key hil status says so, and shows the others all the same."""
    folder = place.runs / "mine"
    assert place.hil("up", *SMALL, "--dir", str(folder)).returncode == 0
    for path in (folder / "files" / "units" / "2").glob("tokens/*/*.object"):
        if path.stem != "token":
            path.unlink()
    status = place.hil("status", "--dir", str(folder))
    assert status.returncode == 1, status
    assert "unit:2  FAILING: " in status.stdout
    assert "of a register is gone" in status.stdout
    assert "\n1     OPERATIONAL" in status.stdout
    assert place.hil("down", "--dir", str(folder)).returncode == 0
    place.nothing_left()
