"""A campaign whose worker dies."""

import multiprocessing
import os
import shutil
import signal
import threading
from pathlib import Path

from harness import sut
from harness.campaign.campaign import Campaign
from harness.campaign.profiles import PROFILES
from harness.campaign.rundir import RunDir
from harness.campaign.worker import Bench
from harness.model.scenario import Result, Scenario
from harness.model.verdicts import Gate, Verdict
from harness.rig import ready
from harness.rig.layout import scratch


def _kill_the_first_worker(root: Path, campaign: Campaign) -> None:
    """Wait until it is past the probes, which end with all units stopped, and in its first scenario."""
    ready.until(lambda: campaign.probes is not None, "the end of the probes", 100)
    ready.until(lambda: ready.unit_answers(root / "w0" / "s" / "u1"), "the first scenario", 100)
    (worker,) = [child for child in multiprocessing.active_children() if child.name == "w0"]
    assert worker.pid
    os.kill(worker.pid, signal.SIGKILL)


def test_a_worker_that_dies(tmp_path: Path) -> None:
    """Its scenario is a failure of the bench, the others are played by its successor, and nothing is left."""
    points = ("tke@message1.1-after", "tke@message2.1-after")
    plan = [Scenario.parse(f"auto/{point}/documented", Verdict.RECOVERED) for point in points]
    rundir = RunDir.create(tmp_path / "run")
    rundir.write_plan(plan)
    root = scratch("test-")
    told: list[Result] = []
    bench = Bench("test", root, sut.Shape(1, 1, 0, 8), "", rundir.path)
    campaign = Campaign(bench, rundir, "test", PROFILES["smoke"], 1, lambda *news: told.append(news[2]))
    killer = threading.Thread(target=_kill_the_first_worker, args=(root, campaign))
    killer.start()
    try:
        outcome = campaign.run()
    finally:
        killer.join()
        shutil.rmtree(root, ignore_errors=True)
    assert [result.verdict for result in outcome.results] == [Verdict.HARNESS_ERROR, Verdict.RECOVERED]
    assert outcome.results[0].findings[0].text == "the worker died"
    assert [result.scenario.id for result in told] == [scenario.id for scenario in plan]
    assert outcome.gate is Gate.ERROR
    assert not multiprocessing.active_children()
