"""The command line of the bench: arguments in, exit codes out; the work is done elsewhere."""

import sys
from collections.abc import Sequence

from hil import inherited


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``hil`` with these arguments, or with those of this process, and return its exit code."""
    if argv is None:
        inherited.settle()  # before anything is imported that a shell's PYTHONPATH could hold another of
    from hil.cli import streams  # noqa: PLC0415
    from hil.model.verdicts import Exit  # noqa: PLC0415
    from hil.targets.hpcs.rig.process.interrupts import interrupted_by_sigterm  # noqa: PLC0415

    if argv is None:
        streams.in_utf8()
        interrupted_by_sigterm()
    streams.prepare()
    try:
        from hil.cli import commands  # noqa: PLC0415 an interrupt while all is imported is one too
    except KeyboardInterrupt:
        print("hil: interrupted", file=sys.stderr)
        return Exit.INTERRUPTED
    return commands.run(argv)
