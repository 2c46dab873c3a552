"""Whether this machine lets a process be watched: tried, since no list of kernels and sandboxes is whole."""

import os
import tempfile
from pathlib import Path

from hil.faults.watch import probe
from hil.faults.watch.filter import CannotWatch
from hil.faults.watch.handover import Unwatched
from hil.faults.watch.supervisor import Answer, CallReply, SystemCall
from hil.targets.hpcs.emulator import Program
from hil.targets.hpcs.rig.preflight import NotReadyHere
from hil.targets.hpcs.rig.process import ready
from hil.targets.hpcs.rig.process.child import Child, Watch
from hil.targets.hpcs.rig.zygote.client import WarmParentGone

SECONDS = 10.0
EXPECTED = [("mkdir", "before"), ("rename", "after")]


def check() -> None:
    """Raise NotReadyHere where nothing can be watched: what breaks a rotation off at its system calls."""
    if why := why_not():
        raise NotReadyHere(f"system calls cannot be watched here: {why}")


def check_ends() -> None:
    """Raise NotReadyHere where nobody can wait for the end of another's child, as a database has them."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError as error:
        raise NotReadyHere(
            f"pidfd_open(): {error.strerror}; a PostgreSQL server of the bench's own needs it, outside of any"
            " sandbox that forbids it; use --keystore sqlite"
        ) from error


def why_not() -> str:
    """Watch a process that makes and renames a folder; return why that does not go, empty where it does."""
    calls: list[tuple[str, str]] = []

    def ask(call: SystemCall) -> Answer:
        calls.append((call.name.removesuffix("at2").removesuffix("at"), call.path))
        return CallReply.CONTINUE

    with tempfile.TemporaryDirectory(prefix="hil-watch-") as name:
        folder = Path(name) / "watched"
        folder.mkdir()
        watch = Watch(folder, ask)
        try:
            child = Child("probe", Program(probe.__name__, (str(folder),)), Path(name) / "log", watch)
        except (CannotWatch, WarmParentGone, Unwatched) as error:
            return str(error)
        try:
            ready.until(lambda: child.exit_code is not None, "the end of a watched process", SECONDS)
        except ready.NotReady as error:
            return str(child.unwatched or error)
        finally:
            child.stop()
    if child.unwatched:
        return str(child.unwatched)
    if (child.exit_code, calls) != (0, EXPECTED):
        return f"a process that was watched ended with {child.exit_code}, seen: {calls}"
    return ""
