"""A warm parent of crypto units: it has imported everything, and forks a unit in a few milliseconds.

Protocol, one JSON value a line: in comes {"argv": [...], "log": path} and out goes the pid of the unit, or
in comes {"wait": pid} and out goes its exit code (negative: the signal). A unit leads its own process group.
"""

import gc
import json
import os
import sys

from hsm_emulator.unit.__main__ import main


def unit(argv: list[str], log: str) -> None:
    """Be a unit; never returns."""
    os.setsid()
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    os.close(descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        code = main(argv)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    os._exit(code)


def serve() -> None:
    """Answer orders until standard input ends."""
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            answer = os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                unit(order["argv"], order["log"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve()
