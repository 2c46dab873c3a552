"""Checks of the machine itself: interpreter, programs, watching of system calls, room."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from hil import inherited
from hil.targets.hpcs.rig import preflight, watching
from hil.targets.hpcs.rig.keystore import server
from hil.targets.hpcs.rig.layout import (
    FREE_BYTES_WANTED,
    SOCKET_PATH_BELOW,
    SOCKET_PATH_MAX,
    NoScratch,
    scratch_place,
)
from hil.tools.doctor.seen import CheckReading

PYTHON = ((3, 11), (3, 13))  # oldest and newest that pyproject.toml allows
PACKAGES = ("hsm-hil", "python-pkcs11", "cryptography", "docker", "click")
DISK_WANTED = 2**30  # a campaign of a thousand scenarios leaves 30 MB
SECONDS = 10.0
GET_PACKAGES = "run 'make packages'"


def python() -> CheckReading:
    """The interpreter, and the packages of the venv."""
    here = f"{platform.python_version()}, {sys.executable}"
    oldest, newest = PYTHON
    if not oldest <= sys.version_info[:2] <= newest:
        return CheckReading(here, "run 'make venv' with PYTHON=python3.11 to python3.13")
    return CheckReading(here)


def packages() -> CheckReading:
    """Versions of what matters most among the packages."""
    found = {name: _version(name) for name in PACKAGES}
    text = ", ".join(f"{name} {seen or 'missing'}" for name, seen in found.items())
    return CheckReading(text, "" if all(found.values()) else "run 'make venv'")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def softhsm() -> CheckReading:
    """The token library and its tool."""
    missing = [] if preflight.SOFTHSM.exists() else [str(preflight.SOFTHSM)]
    missing += [] if shutil.which("softhsm2-util") else ["softhsm2-util"]
    if missing:
        return CheckReading(f"no {' and no '.join(missing)}", GET_PACKAGES)
    return CheckReading(f"SoftHSM {_said('softhsm2-util', '--version')}, {preflight.SOFTHSM}")


def postgresql() -> CheckReading:
    """The programs of a database server."""
    folder = server.programs()
    if folder is None:
        return CheckReading("no PostgreSQL server", "run 'make postgresql'")
    return CheckReading(f"{_said(str(folder / 'postgres'), '--version')}, {folder}")


def program(name: str, todo: str, *arguments: str) -> CheckReading:
    """A program on PATH, and what to do where it is not; with ``arguments`` it says its version."""
    path = shutil.which(name)
    if path is None:
        return CheckReading(f"no {name} on PATH", todo)
    said = _said(name, *arguments) if arguments else ""
    return CheckReading(f"{said}, {path}" if said else path)


def _said(*command: str) -> str:
    """Return the first line that a program prints."""
    try:
        ran = subprocess.run(
            command, env=inherited.environment(), capture_output=True, text=True, timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"({error})"
    return (ran.stdout or ran.stderr).partition("\n")[0]


def strace() -> CheckReading:
    """Whether a process may be traced, as the tests of crash safety do."""
    if shutil.which("strace") is None:
        return CheckReading("no strace on PATH", GET_PACKAGES)
    with tempfile.NamedTemporaryFile(prefix="hil-doctor-") as trace:
        tried = subprocess.run(
            ["strace", "-o", trace.name, "true"],
            env=inherited.environment(),
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    if tried.returncode != 0:
        return CheckReading(
            f"strace may not trace: {tried.stderr.strip()}", "allow ptrace (in a container: SYS_PTRACE)"
        )
    return CheckReading(_said("strace", "--version"))


def system_calls() -> CheckReading:
    """Watch a process that makes and renames a folder: every call is to be seen, with its path."""
    why = watching.why_not()
    if not why:
        return CheckReading(f"watched by seccomp notification, Linux {platform.release()}")
    return CheckReading(why, "use Linux 5.19 or newer, and in a container allow seccomp and ptrace")


def scratch() -> CheckReading:
    """Room and length of the place for token files and sockets."""
    try:
        place = scratch_place()
    except NoScratch as error:
        return CheckReading(str(error), "set HIL_TMP to a short folder with room")
    free = shutil.disk_usage(place).free
    left = SOCKET_PATH_MAX - SOCKET_PATH_BELOW - len(str(place))
    text = f"{place}, {_size(free)} free, socket paths have {left} bytes to spare"
    if free < FREE_BYTES_WANTED:
        return CheckReading(
            text, f"make room for {_size(FREE_BYTES_WANTED)}, or set HIL_TMP to another folder"
        )
    return CheckReading(text)


def disk() -> CheckReading:
    """Room for evidence below the current folder."""
    here = Path.cwd()
    free = shutil.disk_usage(here).free
    text = f"{_size(free)} free in {here}"
    if not os.access(here, os.W_OK):
        return CheckReading(f"{here} cannot be written to", "run hil elsewhere, or with --out")
    return CheckReading(
        text, "" if free >= DISK_WANTED else f"make room for {_size(DISK_WANTED)} of evidence"
    )


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
