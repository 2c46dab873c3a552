"""``hil doctor`` beside an engine: what runs that are dead have left in it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.docker.conftest import Start

pytestmark = pytest.mark.docker
HIL = Path(sys.executable).with_name("hil")
SECONDS = 100


def test_containers_of_dead_runs(image: str, start: "Start", run_label: str, rig_dir: Path) -> None:
    """A container whose maker has died is named, with what removes it; one whose maker lives is not."""
    mine = start()
    program = (
        "import sys; from pathlib import Path; from hil.targets.hpcs.rig.units import docker, labels;"
        "folder = Path(sys.argv[2]); print(docker.create_unit("
        "sys.argv[1], 9, folder, folder, labels.Labels(sys.argv[3], 'worker-0')).id)"
    )
    (rig_dir / "orphan").mkdir()
    maker = subprocess.run(
        [sys.executable, "-c", program, image, rig_dir / "orphan", run_label],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=SECONDS,
    )
    ran = subprocess.run([HIL, "doctor", "--json"], capture_output=True, text=True, timeout=SECONDS)
    checks = {check["check"]: check for check in json.loads(ran.stdout)["checks"]}
    assert checks["engine"]["state"] == "ok"
    assert checks["image"]["found"] == image
    found = checks["containers"]
    assert (found["state"], found["todo"]) == ("note", "run 'make clean'")
    assert maker.stdout.strip()[:12] in found["found"]
    assert mine.id[:12] not in found["found"]
