"""Whether a PKCS#11 module can stand behind crypto units, before anything is started on it.

A unit is made on it, and what a unit does with its token is tried: that decides. Where it fails, the list of
mechanisms says more of why. It does not decide: NSS leaves SHA-256 out of the list of a slot that can do it.
Each step has a process of its own, as a module may crash, in a folder that is removed afterwards.
"""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

from hil import inherited
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.rig.modules import needs
from hil.targets.hpcs.rig.modules.install import Installed, install
from hil.targets.hpcs.rig.modules.profile import BadModule, ModuleProfile
from hil.targets.hpcs.rig.workplace import workplace

SECONDS = 60


def suited(profile: ModuleProfile) -> None:
    """Raise BadModule with everything that keeps a module from standing behind crypto units, a line each."""
    if found := missing(profile):
        lines = "".join(f"\n  {line}" for line in found)
        raise BadModule(f"{profile.name} ({profile.library}) cannot stand behind a crypto unit:{lines}")


def missing(profile: ModuleProfile) -> list[str]:
    """Return what keeps the module of a profile from standing behind a crypto unit, a line each."""
    with workplace() as place:
        installed = install(profile, place.folder / "module")
        unit = place.folder / "unit"
        failing = _making(installed, unit, place.folder / "iam.secret") or _trying(unit)
        if failing:
            return [*_unlisted(installed, unit), *failing]
        return _moving(unit, place.folder / "elsewhere")


class _Ended(Exception):
    """A program of the unit did not get through; the text is what it said."""


def _unlisted(installed: Installed, unit: Path) -> list[str]:
    """Return what the slot that has most of it does not list."""
    try:
        seen = json.loads(_said(sut.unit_mechanisms(unit, installed.file)))
    except _Ended:
        return []  # for the reason that is known already
    unlisted = [list(needs.unlisted(slot["mechanisms"])) for slot in seen["slots"]]
    return min(unlisted, key=len, default=["it has no slot with a token"])


def _making(installed: Installed, unit: Path, secret: Path) -> list[str]:
    """Make a unit; return why there is none."""
    secret.touch(mode=0o600)
    try:
        program = sut.unit_init(unit, 1, "RECOVERY", secret, installed.file)
        _said(program, *sut.pin_variables(installed.file))
    except _Ended as error:
        return [str(error)]
    return []


def _trying(unit: Path) -> list[str]:
    """Return the steps of the trial that do not go as a unit needs them."""
    try:
        steps: list[dict[str, Any]] = json.loads(_said(sut.unit_trial(unit)))
    except _Ended as error:
        return [str(error)]
    return [f"{step['step']}: {step['error']}" for step in steps if step["error"]]


def _moving(unit: Path, elsewhere: Path) -> list[str]:
    """Move a unit that can be used, and return why it cannot be any more: scenarios play on copies."""
    unit.rename(elsewhere)
    failing = _trying(elsewhere)
    if not failing:
        return []
    made_in = bytes(unit / "tokens")
    bound = sorted(str(file.relative_to(elsewhere)) for file in elsewhere.rglob("*") if _holds(file, made_in))
    why = f"{', '.join(bound)} holds the path that the token was made in; " if bound else ""
    todo = "a file that names a folder belongs into module.files, as {config}/NAME"
    return [f"in another folder, {failing[0]}: {why}{todo}"]


def _holds(file: Path, text: bytes) -> bool:
    return file.is_file() and text in file.read_bytes()


def _said(program: sut.Program, *names: str) -> str:
    """Run a program, with ``names`` of the environment as well, and return what it prints; raises _Ended."""
    try:
        ended = subprocess.run(
            program.argv,
            env=inherited.environment(*names),
            check=False,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired as error:
        raise _Ended(f"it does not answer within {SECONDS} s") from error
    if ended.returncode < 0:
        raise _Ended(f"it ends the process that loads it ({signal.Signals(-ended.returncode).name})")
    if ended.returncode != 0:
        raise _Ended(ended.stderr.strip().rpartition("\n")[2].partition(": ")[2])
    return ended.stdout
