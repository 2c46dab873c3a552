"""Questions and answers, at a terminal or over a pipe.

The streams are opened on the file descriptors and not taken from ``sys``, and passwords are read from
standard input and not from /dev/tty: whoever started the command owns these descriptors, also where it was
forked from a process with a terminal of its own. Each line is written and flushed by itself, so that a
message seen by the operator proves that everything before it had happened.

Every question ends in ``> `` without a line end. On a pipe nobody echoes the line end of the answer, so it is
written here.
"""

import contextlib
import termios
from collections.abc import Iterator
from typing import TextIO

from hsm_emulator.tke.errors import Failed

CONTINUE = "Do you want to continue?"


class OperatorTerminal:
    """The operator's side of a command; one answer a line."""

    def __init__(self, stdin: TextIO, stdout: TextIO, stderr: TextIO) -> None:
        self._stdin = stdin
        self._stdout = stdout
        self._stderr = stderr
        self._typed = stdin.isatty()

    def say(self, *lines: str) -> None:
        """Write lines to standard output, each flushed by itself."""
        _write(self._stdout, lines)

    def complain(self, *lines: str) -> None:
        """Write lines to standard error, each flushed by itself."""
        _write(self._stderr, lines)

    def ask(self, *question: str) -> str:
        """Return the answer without surrounding blanks; raises Failed where the input has ended."""
        self._prompt(question)
        return self._answer().strip()

    def ask_hidden(self, *question: str) -> str:
        """Return the answer as typed, without echoing it."""
        self._prompt(question)
        with self._echo_off():
            return self._answer()

    def confirm(self, *warning: str, question: str = CONTINUE) -> None:
        """Go on only after ``y`` or ``yes``; anything else, also an empty line, raises Failed."""
        answer = self.ask(*warning, question, "Answer [y/N]:")
        if answer.lower() not in {"y", "yes"}:
            raise Failed("The command was cancelled. Nothing was changed.")

    def _prompt(self, question: tuple[str, ...]) -> None:
        self.say(*question)
        self._stdout.write("> ")
        self._stdout.flush()

    def _answer(self) -> str:
        try:
            line = self._stdin.readline()
        except KeyboardInterrupt:
            self.say("")
            raise
        if not self._typed or not line:
            self.say("")
        if not line:
            raise Failed("The input ended before all questions were answered. Nothing was changed.")
        return line.rstrip("\r\n")

    @contextlib.contextmanager
    def _echo_off(self) -> Iterator[None]:
        if not self._typed:
            yield
            return
        descriptor = self._stdin.fileno()
        before = termios.tcgetattr(descriptor)
        silent = termios.tcgetattr(descriptor)
        silent[3] = (silent[3] & ~termios.ECHO) | termios.ECHONL
        termios.tcsetattr(descriptor, termios.TCSADRAIN, silent)
        try:
            yield
        finally:
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _write(stream: TextIO, lines: tuple[str, ...]) -> None:
    for line in lines:
        stream.write(line + "\n")
        stream.flush()
