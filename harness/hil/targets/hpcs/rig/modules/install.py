"""A module profile made ready for crypto units: module.json, and where needed the library in front."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hil import inherited
from hil.targets.hpcs.rig.modules.profile import BadModule, ModuleProfile

SOURCE = Path(__file__).with_name("initialise.c")
COMPILER = "cc"
COMPILER_SECONDS = 60


@dataclass(frozen=True)
class Installed:
    """A module that crypto units can be made on: what the profile calls it, its library, its module.json."""

    name: str
    library: Path
    file: Path


def install(profile: ModuleProfile, folder: Path) -> Installed:
    """Write what crypto units need to a folder, which they use as long as they live; raises BadModule."""
    folder.mkdir(parents=True)
    library, environment = profile.library, dict(profile.environment)
    if profile.argument:
        environment |= {"HIL_MODULE": _literal(library), "HIL_MODULE_ARGUMENT": profile.argument}
        library = _compiled(folder)
    described = {
        "library": str(library),
        "environment": environment,
        "files": dict(profile.files),
        "label": profile.label,
        "make_token": profile.make,
        "copy_from": profile.copy,
        "pin_file": profile.pin_file,
        "pin_variable": profile.pin_variable,
    }
    file = folder / "module.json"
    file.write_text(json.dumps(described, indent=1))
    return Installed(profile.name, profile.library, file)


def _literal(path: Path) -> str:
    return str(path).replace("{", "{{").replace("}", "}}")


def _compiled(folder: Path) -> Path:
    compiler = shutil.which(COMPILER)
    if compiler is None:
        raise BadModule(f"module.argument needs a C compiler, and there is no {COMPILER}; install gcc")
    target = folder / "initialise.so"
    command = [compiler, "-O2", "-std=gnu11", "-shared", "-fPIC", "-o", str(target), str(SOURCE), "-ldl"]
    made = subprocess.run(
        command,
        env=inherited.environment(),
        check=False,
        capture_output=True,
        text=True,
        timeout=COMPILER_SECONDS,
    )
    if made.returncode != 0:
        raise BadModule(f"{SOURCE.name} does not compile: {made.stderr.partition(chr(10))[0]}")
    return target
