"""``hil run`` where its instance cannot be set up."""

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from harness.model.verdicts import Exit
from harness.rig import ready

if TYPE_CHECKING:
    from tests.e2e.conftest import Place

SECONDS = 60.0
SMALL = ("--operational", "1", "--recovery", "1", "--keys", "8", "--jobs", "1", "--backend", "process")


def _warm_parent(pid: int) -> int:
    """Return the process id of the warm parent of ``hil``, which is process ``pid``; 0 where it has none."""
    with suppress(FileNotFoundError):  # a thread, or a child, that has just ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                if b"harness.nursery.server" in Path(f"/proc/{child}/cmdline").read_bytes():
                    return int(child)
    return 0


def test_a_warm_parent_that_is_killed(place: "Place") -> None:
    """The end of what starts the instance's processes is one line and exit code 70; the logs are kept."""
    out = place.runs / "run"
    process = place.start("run", *SMALL, "--profile", "documented", "--out", str(out))
    found = [0]

    def look() -> bool:
        found.append(_warm_parent(process.pid))
        return any(found)

    ready.until(look, "the warm parent", SECONDS)
    os.kill(max(found), signal.SIGKILL)
    _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == Exit.HARNESS_ERROR
    (line,) = said.splitlines()
    assert line.startswith("hil: ")
    assert str(out / "logs") in line
    assert (out / "logs").is_dir()
