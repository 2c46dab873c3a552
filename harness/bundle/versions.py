"""Versions of everything that a campaign rests on, as they are where the bundle is made.

The image of the units is another matter: the campaign itself wrote down which one it used.
"""

import platform
import re
import subprocess
from collections.abc import Mapping
from importlib import metadata

SECONDS = 10.0
# What says its version on its own: name and command.
PROGRAMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("SoftHSM", ("softhsm2-util", "--version")),
    ("p11-kit", ("p11-kit", "--version")),
)


def read(unit_image: Mapping[str, str] | None = None) -> dict[str, object]:
    """Return versions by name; ``unit_image``: name and digest of the one that was used, None for none."""
    packages = {dist.name: dist.version for dist in metadata.distributions()}
    return {
        "hsm-hil": packages.get("hsm-hil", ""),
        "python": platform.python_version(),
        "system": platform.platform(),
        **{program: _said(command) for program, command in PROGRAMS},
        "unit image": unit_image,
        "packages": dict(sorted(packages.items(), key=lambda pair: pair[0].lower())),
    }


def _said(command: tuple[str, ...]) -> str:
    try:
        answer = subprocess.run(command, check=False, capture_output=True, text=True, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"\d+(\.\d+)+", answer.stdout)
    return found[0] if found else ""
