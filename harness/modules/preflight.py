"""Whether a PKCS#11 module can stand behind crypto units, before anything is started on it."""

from pathlib import Path

from harness.modules.profile import BadModule, ModuleProfile, read
from harness.rig import preflight


def suited(file: Path | None, backend: str = "process") -> ModuleProfile | None:
    """Read a profile and return it where its module has all that a unit needs; None where none is given.

    Raises BadModule with everything that is missing.
    """
    if file is None:
        return None
    if backend == "docker":
        raise BadModule("--module-profile: the image of a unit holds SoftHSM only; use --backend process")
    preflight.check()
    return read(file)
