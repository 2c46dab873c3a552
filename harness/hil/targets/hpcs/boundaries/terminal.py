"""The operator's terminal: one command at a time on a pipe, its transcript, and answers to its prompts.

The pipe is read under the conductor's lock, so that a line takes its place in the order of events before
whatever the command does next.
"""

import contextlib
import os
import re
import select
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from hil.model.faults import FaultKind
from hil.model.machine import death
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.boundaries.conductor import Conductor
from hil.targets.hpcs.model.processes import TKE
from hil.targets.hpcs.rig.zygote.client import ForkedProcess

Answers = Sequence[tuple[re.Pattern[str], str]]
PROMPT = "> "
END_SECONDS = 10.0
SCREEN_BYTES = 8192  # read at once; nearly all looks find nothing
BLOCK_BYTES = 4096  # what a C library gathers before it writes to a pipe


class NoAnswerKnown(Exception):
    """The command asked something that the operator was not prepared for; the bench is at fault."""


@dataclass(frozen=True)
class EndedCommand:
    """A command that has ended: its own lines and its exit code (negative: the signal that killed it)."""

    command: str
    lines: tuple[str, ...]
    exit_code: int
    timed_out: bool = False


@dataclass
class _Running:
    process: ForkedProcess
    keyboard: IO[bytes]
    output: IO[bytes]
    lines: list[str] = field(default_factory=list)
    tail: str = ""
    asked_from: int = 0
    answered: bool = False
    at_end: bool = False
    blinded: bool = False  # the command died of a line: nothing after that line was seen
    # Set where something was read: another thread may take a prompt off the pipe that ``_attend`` polls.
    read: int = field(default_factory=lambda: os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK))

    def kill(self) -> int:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.wait(END_SECONDS)

    def end(self) -> None:
        if self.process.poll() is None:
            self.kill()
        self.keyboard.close()
        self.output.close()
        os.close(self.read)


class Terminal:
    """Runs commands; ``transcript`` is what the operator has seen, ``printed`` all that was printed.

    ``casualties``: commands that were ended by a signal from outside, in words.

    ``watch``, where it is set, is given every command as it starts.
    """

    def __init__(self, conductor: Conductor) -> None:
        self._conductor = conductor
        self._running: _Running | None = None
        self.watch: Callable[[ForkedProcess], object] | None = None
        self.clear()

    def clear(self) -> None:
        """Begin with an empty screen."""
        self.casualties: list[str] = []
        self.transcript: list[str] = []
        self.printed: list[str] = []

    def show(self, transcript: Sequence[str], printed: Sequence[str]) -> None:
        """Show again what an operator has seen, and all that was printed for it."""
        self.transcript = list(transcript)
        self.printed = list(printed)

    def run(
        self, program: sut.Program, environment: Mapping[str, str], answers: Answers, seconds: float
    ) -> EndedCommand:
        """Run a program to its end, answering its prompts; killed after ``seconds``."""
        command = " ".join(program.arguments)
        self.transcript.append(f"$ {command}")
        self.printed.append(f"$ {command}")
        self._conductor.typed(command)
        # Before it starts: its first request may come before this thread goes on.
        self._conductor.watch(self)
        try:
            self._conductor.start(TKE, lambda: self._start(program, environment))
            running = self._running
            if running is None:
                raise AssertionError
            timed_out = self._attend(running, answers, time.monotonic() + seconds)
            code = running.process.wait(END_SECONDS)
            if not timed_out and TKE not in self._conductor.dead and (why := death(f"'{command}'", code)):
                self.casualties.append(why)
            return EndedCommand(command, tuple(running.lines), code, timed_out)
        finally:
            self._conductor.watch(None)
            self._conductor.ended(TKE)
            running, self._running = self._running, None
            if running:
                running.end()

    def _start(self, program: sut.Program, environment: Mapping[str, str]) -> int:
        typed, keyboard = os.pipe()
        screen, printed = os.pipe()
        os.set_blocking(screen, False)
        process = ForkedProcess(
            program, environment, (typed, printed, printed), watched=self.watch is not None
        )
        if self.watch:
            self.watch(process)
        os.close(typed)
        os.close(printed)
        self._running = _Running(
            process, os.fdopen(keyboard, "wb", buffering=0), os.fdopen(screen, "rb", buffering=0)
        )
        return process.pid

    @property
    def pid(self) -> int:
        """Process id of the running command; 0: none runs."""
        running = self._running
        return running.process.pid if running else 0

    def kill(self) -> int:
        """Kill the running command with SIGKILL and return its exit code."""
        if self._running is None:
            raise ProcessLookupError("no command runs")
        return self._running.kill()

    def blind(self, kind: FaultKind) -> None:
        """Take away from the operator what the running command has printed, as ``kind`` says."""
        if self._running is None:
            raise ProcessLookupError("no command runs")
        lines = self._running.lines
        seen = len(lines)
        kept = _kept(lines, kind)
        del self.transcript[len(self.transcript) - seen :]
        self.transcript += kept
        lines[:] = kept

    def drain(self) -> None:
        """Report the lines that stand in the pipe; called under the conductor's lock."""
        running = self._running
        if running is None or running.at_end:
            return
        while (chunk := running.output.read(SCREEN_BYTES)) is not None:
            if not chunk:
                running.at_end = True
                break
            *complete, running.tail = (running.tail + chunk.decode("utf-8", "replace")).split("\n")
            for text in complete:
                self._take(running, text)
            os.eventfd_write(running.read, 1)
        if running.at_end and running.tail:
            self._take(running, running.tail)
            running.tail = ""

    def _take(self, running: _Running, text: str) -> None:
        self.printed.append(text)
        if running.blinded:
            return
        running.answered = False
        running.lines.append(text)
        self.transcript.append(text)
        running.blinded = not self._conductor.line(text)

    def _attend(self, running: _Running, answers: Answers, deadline: float) -> bool:
        """Read and answer until the command closes its output; True where the deadline passed first."""
        poll = select.poll()
        poll.register(running.output, select.POLLIN | select.POLLHUP)
        poll.register(running.read, select.POLLIN)
        while not running.at_end:
            left = deadline - time.monotonic()
            if left <= 0:
                running.kill()
                return True
            poll.poll(left * 1000)
            self._conductor.drain()
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(running.read)
            if running.tail == PROMPT and not running.answered:
                self._answer(running, answers)
        return False

    def _answer(self, running: _Running, answers: Answers) -> None:
        question = "\n".join(running.lines[running.asked_from :])
        running.asked_from = len(running.lines)
        running.answered = True
        matches = [
            (found[-1].end(), answer)
            for pattern, answer in answers
            if (found := list(pattern.finditer(question)))
        ]
        if not matches:
            running.kill()
            raise NoAnswerKnown(f"no answer prepared for: {question!r}")
        _, answer = max(matches)  # the last thing that was asked
        self._type(running, answer)

    def _type(self, running: _Running, answer: str) -> None:
        """Type a line. A command that has just died cannot read it, and that is no fault of the bench."""
        with contextlib.suppress(BrokenPipeError):
            running.keyboard.write(answer.encode() + b"\n")


def _kept(lines: list[str], kind: FaultKind) -> list[str]:
    """Return the lines that are left of what a command has printed."""
    if kind is FaultKind.GONE:
        return []
    if kind is FaultKind.CUT:
        return lines[-1:]
    text = "".join(f"{line}\n" for line in lines)
    return text[: len(text) // BLOCK_BYTES * BLOCK_BYTES].splitlines()
