"""A campaign while it runs: lines that stay, and below them on a terminal one line that moves.

A line stays for each scenario that did not end as documented; the others get one in plans that a person can
read whole (LINES_MAX). Where nothing stayed for QUIET_SECONDS a log gets a line with how far it is, so that a
CI job never looks dead; a terminal has that in its moving line. Rejected: a library for it. The one thing
needed is to rewrite a line, and what stays has to be the same text in a terminal, a pipe and the README.
"""

import os
import shutil
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self, TextIO

from hil.engine.phases import Phase
from hil.model.scenario import Result
from hil.model.verdicts import Verdict
from hil.report import console

LINES_MAX = 100
TICK_SECONDS = 0.25
QUIET_SECONDS = 30.0
RATE_AFTER_SECONDS = 1.0  # a rate of less is chance
ERASE = "\r\x1b[K"


@dataclass
class Progress:
    """How far a campaign is; times are those of one clock, in seconds."""

    phase: Phase = Phase.GOLDEN
    since: float = 0.0
    done: int = 0
    planned: int = 0
    before: int = 0  # results that an earlier session left
    wrong: int = 0
    verdicts: Counter[Verdict] = field(default_factory=Counter)

    def enter(self, phase: Phase, now: float) -> None:
        """Begin a phase."""
        self.phase, self.since = phase, now

    def add(self, done: int, planned: int, result: Result) -> None:
        """Count a result."""
        if not self.verdicts:
            self.before = done - 1
        self.done, self.planned = done, planned
        self.verdicts[result.verdict] += 1
        self.wrong += not result.as_documented

    def text(self, now: float) -> str:
        """Return phase, counts, rate and the time that is left."""
        passed = now - self.since
        if not self.verdicts:
            return f"{self.phase}, {_duration(passed)}"
        counts = ", ".join(
            f"{self.verdicts[verdict]} {verdict}" for verdict in Verdict if self.verdicts[verdict]
        )
        wrong = f", {self.wrong} not as documented" if self.wrong else ""
        return f"{self.phase} {self.done}/{self.planned}{self._pace(passed)}: {counts}{wrong}"

    def _pace(self, passed: float) -> str:
        if passed < RATE_AFTER_SECONDS:
            return ""
        rate = (self.done - self.before) / passed
        return f", {rate:.1f}/s, about {_duration((self.planned - self.done) / rate)} left"


def moving(stream: TextIO) -> bool:
    """Whether a line of ``stream`` can be rewritten, and the user has not asked for plain text."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


class Live:
    """Shows a campaign on ``stream`` while the block lasts; leaves the lines that stay and nothing else."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._moving = moving(stream)
        self._progress = Progress(since=time.monotonic())
        self._spoke = time.monotonic()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)

    def __enter__(self) -> Self:
        self._ticker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._ticker.join()
        if self._moving:
            self._write(ERASE)

    def entered(self, phase: Phase) -> None:
        """Hear that a phase has begun."""
        with self._lock:
            self._progress.enter(phase, time.monotonic())
            self._paint()

    def on_result(self, done: int, planned: int, result: Result) -> None:
        """Hear of a result."""
        with self._lock:
            self._progress.add(done, planned, result)
            if planned <= LINES_MAX or not result.as_documented:
                self._say(console.line(done, planned, result))
            self._paint()

    def _tick(self) -> None:
        while not self._over.wait(TICK_SECONDS):
            with self._lock, suppress(BrokenPipeError):  # the campaign's own thread will meet it too
                now = time.monotonic()
                if not self._moving and now - self._spoke >= QUIET_SECONDS:
                    self._say(self._progress.text(now))
                self._paint()

    def _say(self, line: str) -> None:
        self._spoke = time.monotonic()
        self._write(f"{ERASE if self._moving else ''}{line}\n")

    def _paint(self) -> None:
        if self._moving:
            width = shutil.get_terminal_size().columns - 1
            self._write(ERASE + self._progress.text(time.monotonic())[:width])

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _duration(seconds: float) -> str:
    """Return seconds as a person says it: ``40 s``, ``12 min``, ``1 h 05 min``."""
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
