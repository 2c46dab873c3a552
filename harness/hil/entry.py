"""Where an interpreter begins that the bench starts: ``python -P …/harness/hil/entry.py MODULE ARGUMENT…``.

Runs the module, such as ``hsm_emulator.unit.__main__``, as ``python -m`` would, from the folder above.
"""

import contextlib
import runpy
import sys
from pathlib import Path


def main() -> None:
    """Become the module."""
    here = Path(__file__).resolve().parent.parent
    if not any(_same(entry, here) for entry in sys.path):
        sys.path.insert(0, str(here))
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _same(entry: str, here: Path) -> bool:
    with contextlib.suppress(OSError):
        return here.samefile(entry)
    return False


if __name__ == "__main__":
    main()
