"""Workers that die when nobody looks, and what answers stand for at depth 2."""

import os
import shutil
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from hil.engine.crew import Crew
from hil.engine.orders import Answer, Lost, Order, Played, Reached, Recorded, Task
from hil.model.scenario import Scenario
from hil.model.verdicts import Verdict
from hil.targets.hpcs.emulator import Shape
from hil.targets.hpcs.play.bench import Bench
from hil.targets.hpcs.play.deepen import deepen
from hil.targets.hpcs.play.place import RigPlaces
from hil.targets.hpcs.play.record import GoldenFailed
from hil.targets.hpcs.play.setup import prepare
from hil.targets.hpcs.rig.layout import scratch
from hil.targets.hpcs.rig.process import ready

PLAN = tuple(
    Scenario.parse(f"auto/tke@{point}/documented", Verdict.RECOVERED)
    for point in ("commit.1-before", "commit.1-after")
)


@pytest.fixture
def root() -> Iterator[Path]:
    """A scratch folder."""
    folder = scratch("test-")
    yield folder
    shutil.rmtree(folder)


def test_a_worker_that_dies_with_nothing_to_do(root: Path) -> None:
    """The order that it would have got is not lost: nobody has begun it, so another worker gets it."""
    bench = Bench("test", root, Shape(1, 1, 0, 8), "", root / "run")
    (root / "run").mkdir()
    golden, _ = prepare(bench, recorded=False)
    crew = Crew(RigPlaces(bench), golden, 1)
    try:
        (reached,) = crew.work([Order(0, PLAN[0], Task.REACH)])
        assert isinstance(reached, Reached)
        (seat,) = crew._seats
        assert seat.process.pid
        os.kill(seat.process.pid, signal.SIGKILL)
        ready.until(lambda: not seat.process.is_alive(), "the death of the worker", 30)
        (played,) = crew.work([Order(1, PLAN[1], Task.PLAY)])
        assert isinstance(played, Played)
        assert played.result.verdict is Verdict.RECOVERED
    finally:
        crew.close()


class Answers(Crew):
    """A crew whose answers are written down."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)

    def work(self, orders: Sequence[Order]) -> Iterator[Answer]:
        """Answer each order with the next answer."""
        yield from (self._answers.pop(0) for _ in orders)


@pytest.mark.parametrize(
    "answers",
    [
        (Reached(0, "a"), Lost(1, PLAN[1], "a fault did not strike")),
        (Reached(0, "a"), Reached(1, "b"), Recorded(0, ()), Lost(1, PLAN[1], "HARNESS_ERROR")),
    ],
)
def test_depth_2_needs_every_crash_and_every_recovery(answers: tuple[Answer, ...]) -> None:
    """A crash that was not reached, or a recovery that was not recorded, makes no shorter plan, but none."""
    with pytest.raises(GoldenFailed, match=r"commit\.1-after"):
        deepen(Answers(*answers), PLAN)
