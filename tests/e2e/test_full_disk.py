"""Disks that are full, as small file systems in memory: the bench says so, stops, and can be gone on with."""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.model.verdicts import Exit

if TYPE_CHECKING:
    from tests.e2e.conftest import Place

SECONDS = 200.0
HIL = Path(sys.executable).with_name("hil")
RUN = (
    *(str(HIL), "run", "--backend", "process", "--profile", "documented", "--jobs", "1"),
    *("--operational", "1", "--recovery", "1", "--keys", "8", "--only", "auto/tke@setimm.?-after/documented"),
)
# A file system of its own on $1, of $2 at first and of 64 MiB the second time.
SCRIPT = """
mount -t tmpfs -o size=$2,mode=0700 none "$1" || exit 99
place=$1; shift 2
"$@"; echo "exit code $?"
mount -o remount,size=64m "$place" || exit 99
"$@"; echo "exit code $?"
"""


def _twice(place: "Place", small: Path, size: str) -> "subprocess.CompletedProcess[str]":
    """Run the same campaign twice, first with ``small`` full; who is not root is it in a user namespace."""
    space = ("unshare", "--mount", *(() if os.geteuid() == 0 else ("--map-root-user",)))
    return subprocess.run(
        [*space, "sh", "-c", SCRIPT, "sh", small, size, *RUN, "--out", place.runs / "small" / "run"],
        env=place.environment,
        cwd=place.runs,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )


@pytest.mark.parametrize(
    ("small", "size", "advice"),
    [("scratch", "200k", "HIL_TMP"), ("scratch", "400k", "HIL_TMP"), ("evidence", "40k", "--out")],
    ids=["no room for an instance", "no room for rigs", "no room for evidence"],
)
def test_a_full_disk(place: "Place", small: str, size: str, advice: str) -> None:
    """One line says what is full, how much is needed and what helps; with room the same command goes on."""
    (place.runs / "small").mkdir()
    full = place.scratch if small == "scratch" else place.runs / "small"
    ran = _twice(place, full, size)
    codes = [line for line in ran.stdout.splitlines() if line.startswith("exit code")]
    assert codes == [f"exit code {int(Exit.HARNESS_ERROR)}", f"exit code {int(Exit.AS_DOCUMENTED)}"], ran
    (line,) = ran.stderr.splitlines()
    assert line.startswith(f"hil: {full}")
    for told in (" is full: ", " MiB", advice, "goes on"):
        assert told in line
