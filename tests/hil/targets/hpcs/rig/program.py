"""A program of the tests: runs until it is killed, alone or with a child, or leaves with an exit code."""

import os
import subprocess
import sys
import threading


def main(argv: list[str]) -> int:
    """``alone`` and ``pair`` print the ids of all processes and stay; anything else is an exit code."""
    if argv not in (["alone"], ["pair"]):
        return int(argv[0])
    pids = [os.getpid()]
    if argv == ["pair"]:
        pids.append(
            subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"]).pid
        )
    os.write(1, " ".join(map(str, pids)).encode() + b"\n")
    threading.Event().wait()
    return 0
