"""The pulse of a worker, by clocks that the test sets."""

from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from hil.engine.pulse import BEAT_SECONDS, Instant, Pulse

DEADLINE = 5.0


@dataclass
class Clocks:
    """Three clocks that stand until they are moved."""

    monotonic: float = 1000.0
    boot: float = 4000.0
    wall: float = 1.7e9

    def look(self) -> Instant:
        """Tell the time."""
        return Instant(self.monotonic, self.boot, self.wall)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.monotonic += seconds
        self.boot += seconds
        self.wall += seconds


def beaten(clocks: Clocks, lags: Iterable[float]) -> Pulse:
    """A pulse whose beats come so much later than due."""
    pulse = Pulse(clocks.look)
    pulse.begin(DEADLINE)
    for lag in lags:
        clocks.run(BEAT_SECONDS + lag)
        pulse.beat()
    return pulse


@pytest.mark.parametrize(
    ("lags", "stood"),
    [
        ([0.0, 20.0, 0.0], "20.0"),
        ([0.0] * 40 + [2.6], "2.6"),
        ([0.7] * 20, "4.2"),  # six of them end within a deadline
    ],
)
def test_a_bench_that_stood_still(lags: list[float], stood: str) -> None:
    """One stop, or many short ones as of a throttled machine, are told where half a deadline went by."""
    assert beaten(Clocks(), lags).troubles() == (f"the bench stood still for {stood} s",)


@pytest.mark.parametrize("lags", [[], [0.0] * 40, [0.05] * 400, [2.4], [0.2] * 40])
def test_a_busy_machine(lags: list[float]) -> None:
    """Beats that are late as on a busy machine disturb nothing, however many there are."""
    assert beaten(Clocks(), lags).troubles() == ()


def test_a_stop_that_no_beat_has_seen_yet() -> None:
    """Whoever asks right after a stop hears of it, before the thread that beats comes to its turn."""
    clocks = Clocks()
    pulse = beaten(clocks, [0.0])
    clocks.run(20.0)
    assert pulse.troubles() == ("the bench stood still for 19.8 s",)


@pytest.mark.parametrize(
    ("hand", "seconds", "told"),
    [
        ("wall", 3600.0, "the wall clock was set by +3600 s"),
        ("wall", -3600.0, "the wall clock was set by -3600 s"),
        ("wall", 0.4, None),
    ],
)
def test_a_wall_clock_that_is_set(hand: str, seconds: float, told: str | None) -> None:
    """A jump of the wall clock against the others is told, what slewing does is not."""
    clocks = Clocks()
    pulse = beaten(clocks, [0.0])
    setattr(clocks, hand, getattr(clocks, hand) + seconds)
    assert pulse.troubles() == ((told,) if told else ())


def test_a_machine_that_slept() -> None:
    """Sleep stops the monotonic clock alone, and is neither a stall nor a clock that was set."""
    clocks = Clocks()
    pulse = beaten(clocks, [0.0])
    clocks.boot += 7200
    clocks.wall += 7200
    assert pulse.troubles() == ("the machine slept for 7200 s",)


def test_what_was_before_is_forgotten() -> None:
    """A scenario that begins is not told of what disturbed the last one."""
    clocks = Clocks()
    pulse = beaten(clocks, [20.0])
    clocks.wall += 3600
    pulse.begin(DEADLINE)
    assert pulse.troubles() == ()


def test_the_clocks_of_this_machine() -> None:
    """By the kernel's own clocks nothing has happened between two looks."""
    pulse = Pulse()
    pulse.begin(DEADLINE)
    assert pulse.troubles() == ()
