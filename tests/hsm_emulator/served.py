"""A served process for the tests: ``python served.py SOCKET [aside]``.

``GET /slow`` waits for a line on standard input, SIGUSR1 is answered by a line on standard output.
"""

import signal
import sys
from pathlib import Path

from hsm_emulator.serve import Answer, Request, serve


def answer(request: Request) -> Answer:
    """Tell what was asked."""
    if request.path == "/slow":
        print("slow", flush=True)
        sys.stdin.readline()
    if request.path == "/defect":
        raise ValueError(request.path)
    return 200, {"path": request.path, "query": dict(request.query), "body": request.body.decode()}


def signalled() -> None:
    """Say that the signal has come."""
    print("signalled", flush=True)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    print("ready", flush=True)
    sys.stdin.readline()
    serve(answer, Path(sys.argv[1]), {signal.SIGUSR1: signalled}, aside="aside" in sys.argv)
