"""What a campaign rests on beside its plan: versions, machine and times, as they were when it was played.

The machine that makes a bundle, or judges again, may be another one; so this is written down when a run
begins (``environment.json``), and goes into campaign.json from there.
"""

import json
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from hil import inherited
from hil.engine.errors import BadRunDir
from hil.targets.hpcs.rig.units.image import CHECKOUT

SECONDS = 10.0
UNKNOWN = "unknown"
IN_IMAGE = "that of the image"
_NUMBER = re.compile(r"\d+(?:\.\d+)+")
# Who says of a program's file which version it is, where it does not say so itself (p11-kit 0.24): the
# command that names its package, and the one that names the package's version.
MANAGERS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("dpkg-query", "--search"), ("dpkg-query", "--show", "--showformat=${Version}")),
    (("rpm", "-qf", "--queryformat=%{NAME}:"), ("rpm", "-q", "--queryformat=%{VERSION}")),
)

ENVIRONMENT = "environment.json"
Record = dict[str, Any]


def read(*, image: str = "", module: Mapping[str, str] | None = None) -> Record:
    """Return what this machine is now; ``image`` is that of the units (empty: processes).

    ``module`` is behind the units, None: SoftHSM. A version that cannot be found out is ``unknown``.
    """
    packages = {dist.name: dist.version for dist in metadata.distributions()}
    return {
        "hsm-hil": packages.get("hsm-hil", UNKNOWN),
        "commit": _commit(),
        "python": platform.python_version(),
        "kernel": f"{platform.system()} {platform.release()}",
        "softhsm": IN_IMAGE if image else version("softhsm2-util"),
        "p11-kit": IN_IMAGE if image else version("p11-kit"),
        "module": dict(module) if module else None,
        "image": image or None,
        "host": platform.node(),
        "started": now(),
        "ended": None,
        "packages": dict(sorted(packages.items(), key=lambda pair: pair[0].lower())),
    }


def now() -> str:
    """Return the time, in UTC, as ISO 8601 writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def version(program: str) -> str:
    """Return the version of a program on PATH: what it says, else what its package says."""
    path = shutil.which(program)
    if path is None:
        return UNKNOWN
    said = _NUMBER.search(_said(path, "--version"))
    return said[0] if said else _packaged(path)


def keep(run_dir: Path, environment: Record) -> None:
    """Write down what a run is played on; of a later session of it, what differs from the first."""
    first = kept(run_dir) or environment
    own = {name: value for name, value in environment.items() if first.get(name) != value}
    if set(own) - {"started", "ended"}:
        first = first | {"later": [*first.get("later", ()), own]}
    (run_dir / ENVIRONMENT).write_text(json.dumps(first, indent=1) + "\n")


def kept(run_dir: Path) -> Record | None:
    """Read what a run is played on; None where it has not written it down; raises BadRunDir."""
    file = run_dir / ENVIRONMENT
    try:
        return dict(json.loads(file.read_text()))
    except FileNotFoundError:
        return None
    except (TypeError, ValueError) as error:
        raise BadRunDir(f"{file} is damaged: {error}") from error


def ended(run_dir: Path) -> Record:
    """Return the field of campaign.json, with this moment as its end; nothing where nothing was kept."""
    first = kept(run_dir)
    return {"environment": first | {"ended": now()}} if first else {}


def _packaged(path: str) -> str:
    for search, show in MANAGERS:
        package = _said(*search, path).partition(":")[0]
        found = _NUMBER.search(_said(*show, package)) if package else None
        if found:
            return found[0]
    return UNKNOWN


def _commit() -> str:
    """Return the commit of this checkout, with ``-dirty`` where something was changed since."""
    if not (CHECKOUT / ".git").exists():  # git would else tell of a repository that only holds this folder
        return UNKNOWN
    asked = ("git", "-C", str(CHECKOUT), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    return _said(*asked).strip() or UNKNOWN


def _said(*command: str) -> str:
    """Return what a program prints, nothing where it fails."""
    try:
        ran = subprocess.run(
            command,
            env=inherited.environment(),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=SECONDS,
        )
    except (OSError, UnicodeDecodeError, subprocess.TimeoutExpired):
        return ""
    return ran.stdout if ran.returncode == 0 else ""


def merged(parts: Sequence[Record]) -> Record:
    """Return what several runs rest on together: a list of values, in order, where they differ."""
    names = dict.fromkeys(name for part in parts for name in part)
    whole = {name: _each([part.get(name) for part in parts]) for name in names}
    times = {"started": min, "ended": max}
    for name, chosen in times.items():
        known = [part[name] for part in parts if part.get(name)]
        whole[name] = chosen(known) if known else None
    return whole


def _each(values: list[Any]) -> object:
    different = [value for at, value in enumerate(values) if value not in values[:at]]
    return different[0] if len(different) == 1 else different
