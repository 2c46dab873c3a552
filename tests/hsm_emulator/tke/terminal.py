"""A command of ``tke`` at a terminal: questions are answered as they come, the whole is one transcript."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

SECONDS = 30.0

# At a question that contains the first half, the second is typed; a function is called there and then.
Answer = tuple[str, str | Callable[[], str]]


@dataclass(frozen=True)
class Ended:
    """A command that has ended; standard output and standard error as one transcript."""

    code: int
    lines: list[str]

    @property
    def text(self) -> str:
        """The transcript."""
        return "\n".join(self.lines)


def converse(command: str, answers: Sequence[Answer], environment: dict[str, str]) -> Ended:
    """Run a command; after the last answer its input ends."""
    with subprocess.Popen(
        [sys.executable, "-m", "hsm_emulator.tke", *command.split()],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        try:
            text = _talk(process, list(answers))
            return Ended(process.wait(timeout=SECONDS), text.splitlines())
        finally:
            process.kill()


def _talk(process: subprocess.Popen[bytes], answers: list[Answer]) -> str:
    """Answer each question until the output ends."""
    assert process.stdin is not None
    assert process.stdout is not None
    text, asked_from = "", 0
    deadline = time.monotonic() + SECONDS
    while chunk := _read(process.stdout.fileno(), deadline, text):
        text += chunk
        if not text.endswith("\n> "):
            continue
        if not answers:
            process.stdin.close()
            continue
        expected, answer = answers.pop(0)
        assert expected in text[asked_from:], text
        asked_from = len(text)
        process.stdin.write((answer if isinstance(answer, str) else answer()).encode() + b"\n")
        process.stdin.flush()
    assert not answers, f"never asked: {answers}\n{text}"
    return text


def _read(descriptor: int, deadline: float, seen: str) -> str:
    ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
    assert ready, f"no more output in time after:\n{seen}"
    return os.read(descriptor, 65536).decode()
