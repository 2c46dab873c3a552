"""The wheel in an environment of its own: what it installs, and that it works among folders of others."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from shutil import copytree, ignore_patterns, rmtree

import pytest

from hil.engine.plan import write_plan
from hil.model.scenario import Scenario
from hil.model.verdicts import Verdict
from hil.targets.hpcs.rig.layout import scratch

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"hil": "harness", "hsm_emulator": "emulator"}  # import package: top-level folder
SECONDS = 100.0
RECOVERS = "auto/kms@C_WrapKey.6-after/documented"
CONTROL = "auto/tke@message1.1-after/setimm-before-message-2"  # in every plan, whatever a sample draws
# Files that are no Python and that a package cannot do without.
DATA = (
    *("hil/py.typed", "hsm_emulator/py.typed"),
    *("hil/targets/hpcs/operator/procedures/documented.toml", "hil/targets/hpcs/operator/schema.json"),
    *("hil/targets/hpcs/report/page.toml", "hil/report/html/assets/main.js"),
    *("hil/targets/hpcs/rig/modules/initialise.c", "hil/targets/hpcs/tools/bench/rawloop.c"),
)
THEIRS = """
import sys
import sysconfig

import emulator
import harness
import hil
import hsm_emulator

def test_whose_they_are():
    assert (emulator.WHOSE, harness.WHOSE) == ("theirs", "theirs")
    assert all(one.__file__.startswith(sysconfig.get_path("purelib")) for one in (hil, hsm_emulator))
"""


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel and the locked packages, and a folder short enough for sockets."""

    wheel: Path
    bin: Path
    scratch: Path

    def run(self, folder: Path, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a program of the environment in a folder, without what this interpreter was given."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return subprocess.run(
            [self.bin / program, *arguments],
            cwd=folder,
            env={**inherited, "HIL_TMP": str(self.scratch), "COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )


def _pip(*arguments: object) -> None:
    offline = {**os.environ, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    command = [sys.executable, "-m", "pip", *map(str, arguments)]
    ran = subprocess.run(command, env=offline, capture_output=True, text=True, timeout=SECONDS)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def _built(folder: Path) -> Path:
    """Build the wheel from a copy: what an earlier build left in this checkout stays out of it."""
    source = folder / "source"
    for top in PACKAGES.values():
        copytree(ROOT / top, source / top, ignore=ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        (source / name).write_bytes((ROOT / name).read_bytes())
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source)
    (wheel,) = folder.glob("*.whl")
    return wheel


def _locked(folder: Path) -> None:
    """Fill a folder with links to all that is installed here, but not to this checkout."""
    folder.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(("hsm_hil", "__editable__")) and entry.suffix != ".pth":
            (folder / entry.name).symlink_to(entry)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """A fresh environment, made without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    wheel, made = _built(folder), folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", made], check=True, timeout=SECONDS)
    _pip("--python", made / "bin" / "python", "install", "--no-deps", wheel)
    _locked(folder / "locked")
    (packages,) = made.glob("lib/python*/site-packages")
    (packages / "locked.pth").write_text(f"{folder / 'locked'}\n")
    short = scratch("test-")
    yield Installed(wheel, made / "bin", short)
    rmtree(short)


def test_what_is_in_it(installed: Installed) -> None:
    """The wheel holds two packages, every file of theirs, and nothing else."""
    names = {name for name in zipfile.ZipFile(installed.wheel).namelist() if ".dist-info/" not in name}
    files = {
        str(path.relative_to(ROOT / top))
        for package, top in PACKAGES.items()
        for path in (ROOT / top / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert names == files
    assert {name.partition("/")[0] for name in names} == PACKAGES.keys()
    assert names.issuperset(DATA)


def test_commands(installed: Installed, tmp_path: Path) -> None:
    """Both commands answer, and ``python -m hil`` is ``hil``."""
    version = f"hil, version {metadata.version('hsm-hil')}\n"
    for command, first in (
        (("hil", "--version"), version),
        (("python", "-m", "hil", "--version"), version),
        (("hil", "completion", "bash"), "_hil_completion() {\n"),
        (("tke", "help"), "NAME:\n"),
    ):
        ran = installed.run(tmp_path, *command)
        assert (ran.returncode, ran.stdout.splitlines(keepends=True)[0], ran.stderr) == (0, first, "")
    assert not any(tmp_path.iterdir())


def test_a_campaign_from_an_empty_folder(installed: Installed, tmp_path: Path) -> None:
    """``hil run`` plays a scenario, writes its run directory there, and leaves nothing else behind."""
    size = ("--operational", "1", "--recovery", "1", "--keys", "8", "--jobs", "1")
    only = ("--backend", "process", "--profile", "smoke", "--only", CONTROL, "--out", "out")
    ran = installed.run(tmp_path, "hil", "run", *only, *size)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    (scenario,) = json.loads((tmp_path / "out" / "campaign.json").read_text())["scenarios"]
    assert (scenario["id"], scenario["verdict"]) == (CONTROL, "DATA_LOST")
    assert {path.name for path in tmp_path.iterdir()} == {"latest", "out"}
    assert not any(installed.scratch.iterdir())


def test_pytest_beside_folders_of_others(installed: Installed, tmp_path: Path) -> None:
    """Packages named like our folders stay theirs, and the plugin plays a plan by what was installed."""
    for top in PACKAGES.values():
        (tmp_path / top).mkdir()
        (tmp_path / top / "__init__.py").write_text('WHOSE = "theirs"\n')
    (tmp_path / "test_theirs.py").write_text(THEIRS)
    write_plan(tmp_path / "plan.jsonl", [Scenario.parse(RECOVERS, Verdict.RECOVERED)])
    size = ("--hil-backend", "process", "--hil-operational", "1", "--hil-recovery", "1", "--hil-keys", "8")
    session = ("-m", "pytest", "-q", "--hil-plan", "plan.jsonl", *size, "test_theirs.py")
    ran = installed.run(tmp_path, "python", *session)
    assert (ran.returncode, "2 passed" in ran.stdout) == (0, True), ran.stdout + ran.stderr
    assert not any(installed.scratch.iterdir())
