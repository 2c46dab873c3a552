"""``hil run`` where its instance cannot be set up."""

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hil.model.verdicts import Exit
from hil.targets.hpcs.rig.process import ready

if TYPE_CHECKING:
    from tests.e2e.conftest import Place

SECONDS = 60.0
SMALL = ("--operational", "1", "--recovery", "1", "--keys", "8", "--jobs", "1", "--backend", "process")


def _children(pid: int) -> list[int]:
    with suppress(FileNotFoundError):  # a thread, or a child, that has just ended
        texts = [(task / "children").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
        return [int(child) for text in texts for child in text.split()]
    return []


def _warm_parent(pid: int) -> int:
    """Return the id of the warm parent of ``hil``, which is process ``pid``; 0 where none is at work."""
    for child in _children(pid):
        with suppress(FileNotFoundError):
            if b"hil.targets.hpcs.rig.zygote.server" in Path(
                f"/proc/{child}/cmdline"
            ).read_bytes() and _children(child):
                return child
    return 0


def test_a_warm_parent_that_is_killed(place: "Place") -> None:
    """The end of what starts the instance's processes is one line and exit code 70; the logs are kept."""
    out = place.runs / "run"
    process = place.start("run", *SMALL, "--profile", "documented", "--out", str(out))
    found = [0]

    def look() -> bool:
        if (
            out.exists()
        ):  # the one that is asked before whether system calls can be watched is none of the run's
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
