"""The name of the unit image: a hash of everything that goes into it.

A changed input makes another name, so an image that is there is never stale, and two checkouts with
different firmware use one engine side by side.
"""

import hashlib
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[6]
# What the first process of a container imports, see harness/hil/targets/hpcs/rig/zygote/contained.py.
BENCH = (
    "hil/__init__.py",
    "hil/faults/__init__.py",
    "hil/targets/__init__.py",
    "hil/targets/hpcs/__init__.py",
    "hil/targets/hpcs/rig/__init__.py",
    "hil/targets/hpcs/rig/zygote/__init__.py",
    "hil/targets/hpcs/rig/zygote/contained.py",
    "hil/targets/hpcs/rig/zygote/fork.py",
    "hil/faults/watch/__init__.py",
    "hil/faults/watch/filter.py",
    "hil/faults/watch/prctl.py",
)
INPUTS = (
    "docker/Dockerfile",
    "docker/base.sh",
    "docker/image.sh",
    "docker/requirements.lock",
    "emulator/hsm_emulator/*.py",
    "emulator/hsm_emulator/unit/**/*.py",
    "emulator/hsm_emulator/wire/**/*.py",
    *(f"harness/{path}" for path in BENCH),
)


def name(checkout: Path = CHECKOUT) -> str:
    """Return ``hsm-hil/unit:<12 hex digits>`` for the files of ``checkout`` as they are now."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in INPUTS for path in checkout.glob(pattern)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(checkout)} {len(content)}\n".encode() + content)
    return f"hsm-hil/unit:{digest.hexdigest()[:12]}"


if __name__ == "__main__":
    sys.stdout.write("\n".join(BENCH if sys.argv[1:] == ["bench"] else [name()]) + "\n")
