"""Units in containers: an image, runs with labels of their own, initialised unit folders."""

import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hil.targets.hpcs.rig.process import ready
from hil.targets.hpcs.rig.units import docker
from hil.targets.hpcs.rig.units.labels import Labels

CHECKOUT = Path(__file__).resolve().parents[2]
SECRET = "not-a-secret-just-a-test-of-the-bearer-tokens"

Start = Callable[..., docker.Container]


@pytest.fixture(scope="session")
def image() -> str:
    """Name of the unit image, built where it is not there yet."""
    script = subprocess.run(
        [CHECKOUT / "docker" / "image.sh"], check=True, stdout=subprocess.PIPE, text=True, timeout=600
    )
    return script.stdout.strip()


@pytest.fixture
def run_label() -> Iterator[str]:
    """Label of a run that ends with the test."""
    label = f"test-{uuid.uuid4().hex[:12]}"
    yield label
    docker.reap(label)


@pytest.fixture
def rig_dir() -> Iterator[Path]:
    """A short folder, as socket paths are at most 107 bytes long."""
    folder = Path(tempfile.mkdtemp(prefix="hil-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def start(image: str, run_label: str, rig_dir: Path) -> Start:
    """Starter of factory-new units in containers of this test's run."""

    def start_unit(number: int = 1, unit_type: str = "OPERATIONAL", run: str = run_label) -> docker.Container:
        folder, sockets = make_unit(rig_dir, number, unit_type)
        container = docker.create_unit(image, number, folder, sockets, Labels(run, "worker-0"))
        container.start()
        ready.until(lambda: ready.unit_answers(sockets), f"unit {number}", 30)
        return container

    return start_unit


def make_unit(rig_dir: Path, number: int, unit_type: str) -> tuple[Path, Path]:
    """Make a unit in its factory state; return its folder and that of its sockets."""
    secret, folder, sockets = rig_dir / "iam.secret", rig_dir / "units" / str(number), rig_dir / f"u{number}"
    secret.write_text(SECRET)
    sockets.mkdir()
    subprocess.run(
        [
            *(sys.executable, "-m", "hsm_emulator.unit", "init", "--dir", folder, "--iam-secret", secret),
            *("--number", str(number), "--type", unit_type, "--location", f"[us-south].[AZ1].[{number:02}]"),
        ],
        check=True,
        timeout=30,
    )
    return folder, sockets
