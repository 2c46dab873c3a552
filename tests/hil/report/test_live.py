"""What a campaign shows while it runs: counts and times, lines that stay, and the one line that moves."""

import io
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from hil.engine.phases import Phase
from hil.model.scenario import KeyCount, Result, Scenario, not_judged
from hil.model.verdicts import Verdict
from hil.report.live import LINES_MAX, Live, Progress


def _result(verdict: Verdict, expected: Verdict = Verdict.RECOVERED) -> Result:
    scenario = Scenario.parse("auto/tke@commit.1-after/documented", expected)
    return replace(
        not_judged(scenario, "documented", ""), verdict=verdict, fired=(True,), keys=KeyCount(4, 4)
    )


GOOD, LOST = _result(Verdict.RECOVERED), _result(Verdict.DATA_LOST)
CONTROL = _result(Verdict.DATA_LOST, Verdict.DATA_LOST)


def test_phase_before_the_first_result() -> None:
    """Before there is anything to count, the phase and how long it takes so far are shown."""
    progress = Progress()
    progress.enter(Phase.RECORDING, 100.0)
    assert progress.text(107.2) == "recording, 7 s"


def test_counts_rate_and_time_left() -> None:
    """Ten results in five seconds are two a second, so that the other ninety take 45 s."""
    progress = Progress()
    progress.enter(Phase.PLAYING, 100.0)
    for done in range(1, 11):
        progress.add(done, 100, CONTROL if done == 10 else GOOD)
    assert progress.text(105.0) == "playing 10/100, 2.0/s, about 45 s left: 9 RECOVERED, 1 DATA_LOST"


def test_rate_of_a_campaign_that_goes_on() -> None:
    """Results of an earlier session are done, but say nothing of the pace of this one."""
    progress = Progress()
    progress.enter(Phase.PLAYING, 0.0)
    progress.add(91, 100, GOOD)
    progress.add(92, 100, GOOD)
    assert progress.text(2.0).startswith("playing 92/100, 1.0/s, about 8 s left")


@pytest.mark.parametrize(("left", "said"), [(119, "119 s"), (300, "5 min"), (3900, "1 h 05 min")])
def test_long_times(left: int, said: str) -> None:
    """Time is said as a person says it."""
    progress = Progress()
    progress.enter(Phase.PLAYING, 0.0)
    progress.add(1, 1 + left, GOOD)
    progress.add(2, 2 + left, GOOD)
    assert f"about {said} left" in progress.text(2.0)


def test_contradictions_are_counted() -> None:
    """A scenario that did not end as documented is counted beside its verdict; an expected loss is not."""
    progress = Progress()
    progress.add(1, 3, CONTROL)
    assert "not as documented" not in progress.text(0.5)
    progress.add(2, 3, LOST)
    assert progress.text(0.5).endswith("2 DATA_LOST, 1 not as documented")


def test_a_line_for_each_in_a_short_plan() -> None:
    """In a log, a plan that a person can read whole has a line a scenario, and nothing else."""
    log = io.StringIO()
    with Live(log) as live:
        live.entered(Phase.GOLDEN)
        live.entered(Phase.PLAYING)
        for done in (1, 2):
            live.on_result(done, 2, GOOD)
    assert [line[:5] for line in log.getvalue().splitlines()] == ["[1/2]", "[2/2]"]


def test_what_matters_in_a_long_plan() -> None:
    """In a longer plan a line stays for what did not end as documented, and for nothing else."""
    log = io.StringIO()
    with Live(log) as live:
        for done in range(1, LINES_MAX + 2):
            live.on_result(done, LINES_MAX + 1, LOST if done == 50 else GOOD)
    (line,) = log.getvalue().splitlines()
    assert line.startswith("[ 50/101] !! DATA_LOST")


@pytest.fixture
def terminal() -> Iterator[tuple[io.TextIOWrapper, int]]:
    """A terminal: the end to write to, and the descriptor of what a person would see."""
    seen, end = os.openpty()
    with open(end, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor
        yield stream, seen
    os.close(seen)


def _seen(terminal: tuple[io.TextIOWrapper, int]) -> str:
    """Everything that was written, once the writing end is closed."""
    stream, seen = terminal
    stream.close()
    parts = []
    with suppress(OSError):  # nobody has the other end open any more
        while part := os.read(seen, 65536):
            parts.append(part)
    return b"".join(parts).decode()


def _screen(text: str) -> list[str]:
    """Lines that are left when every return and erasure has been carried out."""
    return [re.split(r"\r\x1b\[K", line.rstrip("\r"))[-1] for line in text.split("\n")]


def test_a_moving_line(terminal: tuple[io.TextIOWrapper, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the phase and the counts stand in a line that moves, and that is gone in the end."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with Live(terminal[0]) as live:
        live.entered(Phase.GOLDEN)
        live.on_result(1, 2, GOOD)
    text = _seen(terminal)
    assert "golden state, 0 s" in text
    assert "\x1b[K" in text
    left = _screen(text)
    assert left[0].startswith("[1/2] ok RECOVERED")
    assert left[1:] == [""]


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_plain_text_on_a_terminal(
    terminal: tuple[io.TextIOWrapper, int], monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Who asks for plain text gets no control character."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)
    with Live(terminal[0]) as live:
        live.entered(Phase.PLAYING)
        live.on_result(1, 2, GOOD)
    assert "\x1b" not in _seen(terminal)
