"""A program of the module's makers that makes a token, always with a deadline."""

import os
import signal
import subprocess
from collections.abc import Sequence

from hsm_emulator.unit.token import TokenError

SECONDS = 30
LINES_SHOWN = 3
LINE_LENGTH = 200


def run(words: Sequence[str], hidden: Sequence[str], seconds: float = SECONDS) -> None:
    """Run it to its end, which comes within so many seconds.

    Raises:
        OSError: there is no such program.
        TokenError: it failed, in one line with the last that it printed. Neither that nor the line names the
            other words, or what is ``hidden``: PINs.
    """
    with subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=seconds)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)  # with it what a shell has started
            if isinstance(error, subprocess.TimeoutExpired):
                said = _last(error.output or b"", hidden)
                raise TokenError(f"no token: {words[0]} did not end within {seconds} s{said}") from None
            raise
    if process.returncode != 0:
        ended = f"ended with exit code {process.returncode}"
        raise TokenError(f"no token: {words[0]} {ended}{_last(output, hidden)}")


def _last(output: bytes, hidden: Sequence[str]) -> str:
    """Return the last lines of an output as the end of a line."""
    text = output.decode(errors="replace")
    for secret in filter(None, hidden):
        text = text.replace(secret, "(PIN)")
    lines = [
        "".join(sign if sign.isprintable() else " " for sign in line).strip() for line in text.splitlines()
    ]
    shown = [line[:LINE_LENGTH] for line in lines if line][-LINES_SHOWN:]
    return f": {'; '.join(shown)}" if shown else ""
