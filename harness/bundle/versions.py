"""Versions of everything that a campaign rests on, as they are where the bundle is made.

The image of the units, or another system under test, is another matter: the campaign itself wrote it down.
"""

import platform
import re
import subprocess
from collections.abc import Mapping
from importlib import metadata
from types import MappingProxyType

from harness import inherited

SECONDS = 10.0
# What says its version on its own: name and command.
PROGRAMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("SoftHSM", ("softhsm2-util", "--version")),
    ("p11-kit", ("p11-kit", "--version")),
)


def read(written: Mapping[str, object] = MappingProxyType({})) -> dict[str, object]:
    """Return versions by name; ``written``: those that the campaign wrote down."""
    packages = {dist.name: dist.version for dist in metadata.distributions()}
    return {
        "hsm-hil": packages.get("hsm-hil", ""),
        "python": platform.python_version(),
        "system": platform.platform(),
        **{program: _said(command) for program, command in PROGRAMS},
        **written,
        "packages": dict(sorted(packages.items(), key=lambda pair: pair[0].lower())),
    }


def _said(command: tuple[str, ...]) -> str:
    try:
        answer = subprocess.run(
            command,
            env=inherited.environment(),
            check=False,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"\d+(\.\d+)+", answer.stdout)
    return found[0] if found else ""
