"""Many commands of ``hil`` in one process: argument lists from standard input, JSON.

Prints for each its exit code, and what it wrote to standard error: a file in the folder that is given. A case
names files to open in place of ``stdout`` and ``stderr``. Behind each, both streams are flushed once more, as
an interpreter does at its end: what a command has left there would be told twice, and be exit code 120.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from hil.cli import commands, main


def _every_help() -> list[list[str]]:
    """Return the arguments that ask for the help of each command."""
    words: list[list[str]] = [[]]
    for name, command in commands.hil.commands.items():
        words += [[name], *([name, inner] for inner in getattr(command, "commands", {}))]
    return [[*path, "--help"] for path in words]


def _one(case: dict[str, Any], errors: Path) -> int:
    """Run one command with its own streams, and return its exit code."""
    kept = [os.dup(number) for number in (1, 2)]
    for number, place in ((1, case.get("stdout", os.devnull)), (2, case.get("stderr", errors))):
        opened = os.open(place, os.O_WRONLY)
        os.dup2(opened, number)
        os.close(opened)
    code = main(case["argv"])
    sys.stdout.flush()
    sys.stderr.flush()
    for number, copy in enumerate(kept, start=1):
        os.dup2(copy, number)
        os.close(copy)
    return code


def _run() -> None:
    os.chdir(sys.argv[1])
    cases = json.load(sys.stdin)
    if cases == "help":
        cases = [{"argv": argv, "stdout": "/dev/full"} for argv in _every_help()]
    errors, told = Path(sys.argv[2]).absolute(), []
    for case in cases:
        errors.write_text("")
        code = _one(case, errors)
        told.append({"argv": case["argv"], "code": code, "errors": errors.read_text()})
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    _run()
