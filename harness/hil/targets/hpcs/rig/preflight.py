"""What must be on the machine before anything is started; one line names what is missing."""

import os
import shutil
from pathlib import Path

from hil.targets.hpcs.rig import layout, names
from hil.targets.hpcs.rig.keystore import server
from hil.targets.hpcs.rig.units import docker, image

SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")
PROGRAMS = {"p11-kit": "p11-kit", "softhsm2-util": "softhsm2", "setpriv": "util-linux"}


class NotReadyHere(Exception):
    """This machine lacks something; the text says what to do."""


def check() -> None:
    """Raise NotReadyHere, or NoScratch, where crypto units cannot run on this machine."""
    missing = {package for program, package in PROGRAMS.items() if shutil.which(program) is None}
    if not SOFTHSM.exists():
        missing.add("softhsm2")
    if missing:
        raise NotReadyHere(f"missing on this machine: {', '.join(sorted(missing))}; run 'make packages'")
    layout.scratch_place()


def check_open(place: Path, todo: str) -> None:
    """Raise NotReadyHere where a server of ours, which does not run as root, cannot get to ``place``."""
    if (closed := server.closed(place)) is not None:
        raise NotReadyHere(f"PostgreSQL does not run as root, and nobody else may enter {closed}; {todo}")


def check_folder(folder: Path) -> None:
    """Raise NotReadyHere where ``folder`` neither is there nor can be made, or its name does not fit."""
    if why := names.unfit(folder):
        raise NotReadyHere(why)
    whole = folder.absolute()
    nearest = next(path for path in (whole, *whole.parents) if os.access(path, os.F_OK))
    if not (nearest.is_dir() and os.access(nearest, os.W_OK)):
        raise NotReadyHere(f"{folder} cannot be made: {nearest} is no folder that you can write to")


def check_file(file: Path) -> None:
    """Raise NotReadyHere where ``file`` cannot be written; only trying tells that, also to root."""
    if why := names.unfit(file):
        raise NotReadyHere(why)
    try:
        if file.exists():
            file.open("ab").close()
        else:
            file.touch(exist_ok=False)
            file.unlink()
    except OSError as error:
        raise NotReadyHere(f"{file} cannot be written: {error.strerror}; choose another --out") from error


def choose_image(backend: str) -> str:
    """Return the unit image for a backend, empty for processes; ``auto`` takes Docker where it can."""
    check()
    if backend == "process":
        return ""
    if not docker.engine_answers():
        if backend == "auto":
            return ""
        if closed := docker.no_access():
            raise NotReadyHere(
                f"permission denied on {closed}; add this user to the group docker and log in anew, "
                "run as root, or use --backend process"
            )
        raise NotReadyHere("no Docker engine answers; run 'make engine', or use --backend process")
    name = image.name()
    if docker.image_present(name):
        return name
    if backend == "auto":
        return ""
    raise NotReadyHere(f"the unit image {name} is not built; run 'make image', or use --backend process")
