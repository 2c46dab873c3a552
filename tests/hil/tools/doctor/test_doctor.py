"""``hil doctor`` on machines that lack something: each is named with what to do, and nothing is changed."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hil.targets.hpcs.rig import preflight
from hil.targets.hpcs.rig.layout import scratch
from hil.targets.hpcs.rig.preflight import NotReadyHere
from hil.targets.hpcs.rig.units import docker
from hil.tools.doctor import leftovers
from hil.tools.doctor.checks import CHECKS

Examined = tuple[int, dict[str, dict[str, Any]]]
Examine = Callable[..., Examined]
HIL = Path(sys.executable).with_name("hil")
SECONDS = 100
NOBODY = 65534


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder for scratch folders that is nobody else's."""
    folder = scratch("test-")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def examine(place: Path, tmp_path: Path) -> Examine:
    """Run ``hil doctor --json`` in a changed environment; return exit code and checks by name."""

    def run(*options: str, **environment: str) -> Examined:
        ran = subprocess.run(
            [HIL, "doctor", "--json", *options],
            env={**os.environ, "HIL_TMP": str(place), **environment},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert ran.stderr == ""
        told = json.loads(ran.stdout)
        assert told["ready"] is (ran.returncode == 0)
        return ran.returncode, {check["check"]: check for check in told["checks"]}

    return run


def test_a_machine_that_has_all(examine: Examine) -> None:
    """Where tests of this project run a campaign does, so nothing is a problem, and every check is told."""
    code, checks = examine()
    assert [name for name, check in checks.items() if check["state"] == "problem"] == []
    assert code == 0
    assert list(checks) == [check.name for check in CHECKS]
    assert all((check["todo"] == "") is (check["state"] == "ok") for check in checks.values())


def test_no_engine(examine: Examine, tmp_path: Path) -> None:
    """Without an engine processes are left: a note, and a problem for whoever wants containers."""
    nowhere = f"unix://{tmp_path}/no.sock"
    code, checks = examine(DOCKER_HOST=nowhere)
    assert (code, checks["engine"]["state"]) == (0, "note")
    assert nowhere in checks["engine"]["found"]
    assert "make engine" in checks["engine"]["todo"]
    code, checks = examine("--backend", "docker", DOCKER_HOST=nowhere)
    assert (code, checks["engine"]["state"]) == (64, "problem")


def test_no_softhsm(examine: Examine, tmp_path: Path) -> None:
    """Programs that are not on PATH are named, each by the check that needs it, with what to do."""
    (tmp_path / "bin").mkdir()
    code, checks = examine(PATH=str(tmp_path / "bin"))
    assert code == 64
    assert "no softhsm2-util" in checks["softhsm2"]["found"]
    assert checks["softhsm2"]["todo"] == "run 'make packages'"
    problems = [name for name, check in checks.items() if check["state"] == "problem"]
    assert problems == ["softhsm2", "p11-kit", "setpriv"]


def test_a_scratch_place_that_is_too_long(examine: Examine, tmp_path: Path) -> None:
    """A place below which no socket can be bound is a problem."""
    deep = tmp_path / ("long" * 30)
    deep.mkdir()
    code, checks = examine(HIL_TMP=str(deep))
    assert (code, checks["scratch"]["state"]) == (64, "problem")
    assert "HIL_TMP" in checks["scratch"]["todo"]


def test_a_folder_of_a_dead_run(examine: Examine, place: Path) -> None:
    """A scratch folder is a leftover where no living process names it, and is left where it is."""
    folder = place / "hil-abcd1234"
    folder.mkdir()
    code, checks = examine()
    assert (code, checks["folders"]["state"]) == (0, "note")
    assert f"rm -r {folder}" in checks["folders"]["todo"]
    assert folder.exists()
    with subprocess.Popen([sys.executable, "-c", "input()", str(folder)], stdin=subprocess.PIPE) as alive:
        _, checks = examine()
        assert str(folder) not in checks["folders"]["found"]
        alive.communicate(b"\n", timeout=SECONDS)
    _, checks = examine()
    assert str(folder) in checks["folders"]["found"]


def test_lines(place: Path, tmp_path: Path) -> None:
    """For people each check is a line, what to do stands below it, and the last line is the answer."""
    ran = subprocess.run(
        [HIL, "doctor"],
        env={**os.environ, "HIL_TMP": str(place), "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    lines = ran.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("problem  softhsm2"))
    assert lines[at + 1].strip() == "needed for every campaign: run 'make packages'"
    assert lines[-1] == "NOT READY: softhsm2, p11-kit, setpriv"
    assert ran.returncode == 64


def test_an_engine_that_this_user_may_not_use(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that is there and closed to the user is named, with the group that opens it."""
    place.chmod(0o755)
    engine = place / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(engine))
        listening.listen()
        engine.chmod(0)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{engine}")
        uid = os.geteuid()
        os.seteuid(uid or 65534)
        try:
            seen = leftovers.engine()
        finally:
            os.seteuid(uid)
    assert seen.text == f"permission denied on {engine}"
    assert "group docker" in seen.todo


def test_an_empty_address_of_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """DOCKER_HOST without a value is the same as none."""
    monkeypatch.setenv("DOCKER_HOST", "")
    assert docker.address() == docker.ENGINE


def test_an_engine_that_is_closed_to_this_user(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That access is denied is said with the socket, by doctor and by what needs containers alike."""
    closed = place / "docker.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{closed}")
    place.chmod(0o755)
    root = os.geteuid() == 0
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(closed))
        closed.chmod(0)
        if root:
            os.seteuid(NOBODY)
        try:
            seen = leftovers.engine()
            with pytest.raises(NotReadyHere, match=f"^permission denied on {closed}; .*--backend process"):
                preflight.choose_image("docker")
        finally:
            if root:
                os.seteuid(0)
    assert seen.text == f"permission denied on {closed}"
