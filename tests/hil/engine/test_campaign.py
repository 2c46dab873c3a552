"""A campaign whose workers are killed, or stand still."""

import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from hil.engine.campaign import Campaign
from hil.engine.rundir import RunDir
from hil.model.scenario import MACHINE, Result, Scenario
from hil.model.verdicts import Gate, Verdict
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.play.bench import Bench
from hil.targets.hpcs.play.outcome import CampaignOutcome
from hil.targets.hpcs.play.profiles import PROFILES
from hil.targets.hpcs.rig.layout import scratch
from hil.targets.hpcs.rig.process import ready
from hil.targets.hpcs.target import HpcsTarget

STALL_SECONDS = 4.0  # more than half of the 5 s that a client of an instance waits

Disturb = Callable[[int], None]


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def _stop(pid: int) -> None:
    """Stop a process for a while."""
    os.kill(pid, signal.SIGSTOP)
    over = time.monotonic() + STALL_SECONDS
    ready.until(lambda: time.monotonic() > over, "the end of the stall", 100)
    os.kill(pid, signal.SIGCONT)


def _disturb(root: Path, campaign: Campaign[CampaignOutcome], names: Sequence[str], how: Disturb) -> None:
    """Disturb these workers, each in its first scenario: past the probes, which end with units stopped."""
    ready.until(lambda: campaign.probes is not None, "the end of the probes", 100)
    for name in names:
        ready.until(partial(ready.unit_answers, root / name / "s" / "u1"), "the first scenario", 100)
        (worker,) = [child for child in multiprocessing.active_children() if child.name == name]
        assert worker.pid
        how(worker.pid)


def _run(rundir: RunDir, names: Sequence[str], how: Disturb) -> tuple[CampaignOutcome, list[Result]]:
    """Run a campaign on one worker at a time and disturb these; return what came, and in which order."""
    root = scratch("test-")
    told: list[Result] = []
    bench = Bench("test", root, sut.Shape(1, 1, 0, 8), "", rundir.path)
    campaign = Campaign(
        HpcsTarget(bench, "test", PROFILES["smoke"]), rundir, 1, lambda *news: told.append(news[2])
    )
    disturbing = threading.Thread(target=_disturb, args=(root, campaign, names, how))
    disturbing.start()
    try:
        return campaign.run(), told
    finally:
        disturbing.join()
        shutil.rmtree(root, ignore_errors=True)


def test_disturbed_workers(tmp_path: Path) -> None:
    """A scenario is played again once; disturbed twice it has no verdict until its folder goes on."""
    points = ("tke@message1.1-after", "tke@message2.1-after")
    plan = [Scenario.parse(f"auto/{point}/documented", Verdict.RECOVERED) for point in points]
    rundir = RunDir.create(tmp_path / "run")
    rundir.write_plan(plan)
    outcome, told = _run(rundir, ("w0", "w1"), _kill)
    assert [result.verdict for result in outcome.results] == [Verdict.HARNESS_ERROR, Verdict.RECOVERED]
    (why,) = outcome.results[0].findings
    assert (why.check, why.text) == (MACHINE, "w1 was ended by SIGKILL, which the bench did not send")
    assert [result.scenario.id for result in told] == [scenario.id for scenario in plan]
    assert outcome.gate is Gate.ERROR
    assert not multiprocessing.active_children()

    shutil.copytree(rundir.path, tmp_path / "same")  # this process still holds the lock of the other
    outcome, told = _run(RunDir.create(tmp_path / "same"), ("w0",), _stop)
    assert [result.scenario.id for result in told] == [plan[0].id]
    first, second = outcome.results
    assert first.disturbed[0].startswith("the bench stood still for")
    assert (first.as_documented, second.as_documented, second.disturbed) == (True, True, ())
    assert outcome.gate is Gate.PASS
