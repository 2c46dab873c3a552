"""A program of the tests, started by the terminal under test; its first argument says what it does."""

import os
import sys
import threading
import time
from pathlib import Path

from hsm_emulator.wire import unixhttp


def ask(*question: str) -> str:
    """Ask as ``tke`` does: lines, then ``> ``, and the line end that a pipe does not echo.

    The answer is read from the descriptor: ``sys.stdin`` is not the terminal's in a forked process.
    """
    for line in question:
        print(line, flush=True)
    print("> ", end="", flush=True)
    answer = os.read(0, 4096).decode().removesuffix("\n")
    print(flush=True)
    return answer


def talk() -> int:
    """Ask two questions and say what was answered."""
    name = ask("Enter a name", "Answer:")
    code = ask("A warning about the name", "Enter the code for it:")
    print(f"{name} has {code}", flush=True)
    return 0


def ponder(times: str) -> int:
    """Ask so many times, each time a while after the question was put, when whoever reads waits for more."""
    for _ in range(int(times)):
        print("Answer:", flush=True)
        time.sleep(0.02)
        ask("Well?")
    return 0


def repeat() -> int:
    """Ask the same thing twice; the two questions differ by an answer only."""
    return int(ask("Enter a number:")) + int(ask("Enter a number:"))


def request(socket: str, times: str) -> int:
    """Announce a request, send it, and so on."""
    for number in range(1, int(times) + 1):
        print(f"request {number}", flush=True)
        unixhttp.request(Path(socket), "GET", "/a", seconds=20)
    return 0


def stay() -> int:
    """Say something and never end."""
    print("here", flush=True)
    threading.Event().wait()
    return 0


def leave(text: str, code: str) -> int:
    """Print text without a line end and go."""
    print(text, end="", flush=True)
    print("on standard error", file=sys.stderr, flush=True)
    return int(code)


def environment(name: str) -> int:
    """Print a variable, and how many there are."""
    print(os.environ.get(name), len(os.environ), flush=True)
    return 0


def main(argv: list[str]) -> int:
    """Do what the first argument says."""
    code: int = globals()[argv[0]](*argv[1:])
    return code
