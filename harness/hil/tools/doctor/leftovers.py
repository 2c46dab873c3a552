"""What runs that are dead have left on this machine, and the engine that containers need.

A scratch folder belongs to a run that lives as long as a process names it on its command line: the janitor of
a campaign does, and so do the units of an instance by hand.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hil.targets.hpcs.rig.layout import SHARED_MEMORY
from hil.targets.hpcs.rig.units import docker, image
from hil.tools.doctor.seen import CheckReading

SCRATCH = "hil-????????"
NAMED_MAX = 3


def engine() -> CheckReading:
    """Whether a Docker engine answers."""
    if docker.engine_answers():
        return CheckReading("a Docker engine answers")
    if closed := docker.no_access():
        todo = "add this user to the group docker and log in anew, or run as root; processes need no engine"
        return CheckReading(f"permission denied on {closed}", todo)
    return CheckReading(
        f"no Docker engine answers at {docker.address()}",
        "run 'make engine', or leave it: processes need none",
    )


def unit_image() -> CheckReading:
    """Whether the image of a crypto unit is built for the firmware of this checkout."""
    name = image.name()
    if not docker.engine_answers():
        return CheckReading("not known without an engine", "run 'make engine image'")
    if not docker.image_present(name):
        return CheckReading(f"{name} is not built", "run 'make image'")
    return CheckReading(name)


def containers() -> CheckReading:
    """Containers whose run is dead."""
    if not docker.engine_answers():
        return CheckReading("none without an engine")
    found = docker.leftovers()
    if not found:
        return CheckReading("no container of a dead run")
    names = _named([identifier[:12] for identifier in found])
    return CheckReading(f"containers of dead runs: {names}", "run 'make clean'")


def folders() -> CheckReading:
    """Scratch folders whose run is dead."""
    found = list(dead_folders())
    if not found:
        return CheckReading("no scratch folder of a dead run")
    names = [str(path) for path in found]
    return CheckReading(f"scratch folders of dead runs: {_named(names)}", f"run 'rm -r {' '.join(names)}'")


def dead_folders() -> Iterator[Path]:
    """Yield our own scratch folders that no living process knows."""
    known = b"\0".join(_command_lines())
    places = {os.environ.get("HIL_TMP", ""), str(SHARED_MEMORY), tempfile.gettempdir()} - {""}
    for path in sorted(path for place in places for path in Path(place).absolute().glob(SCRATCH)):
        if path.stat().st_uid == os.geteuid() and bytes(path) not in known:
            yield path


def _command_lines() -> Iterator[bytes]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            yield (process / "cmdline").read_bytes()
        except OSError:  # it has ended meanwhile
            continue


def _named(names: list[str]) -> str:
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return ", ".join(names[:NAMED_MAX]) + more
