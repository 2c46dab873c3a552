"""Campaigns on real processes, killed by the bench."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from hil.cli import main
from hil.engine.rundir import RunDir
from hil.model.verdicts import Exit, Gate, Verdict
from hil.targets.hpcs.play.record import NotRepeatable
from hil.targets.program import campaign, report
from hil.targets.program.command import PlayFolders
from hil.targets.program.profile import ProgramProfile
from hil.targets.program.stored import SutRun


class Done(Protocol):
    """A campaign that has come to its end, and its run directory (conftest.py)."""

    campaign: campaign.ProgramCampaign
    folder: Path


Ran = Callable[[str], Done]


def test_a_careful_tool_passes(done: Ran) -> None:
    """A tool that replaces its files as a whole is killed at every call, and every key comes back."""
    ran = done("careful").campaign
    assert ran.gate is Gate.PASS
    points = ran.head()["crash_points"]
    assert points["enumerated"] == points["fired"] > 0
    assert {one.verdict for one in ran.outcomes} == {Verdict.RECOVERED}


def test_a_careless_tool_is_convicted(done: Ran) -> None:
    """A tool that truncates a file before it writes it loses the key between the two, and only there."""
    ran = done("careless").campaign
    lost = {one.scenario.point.event for one in ran.outcomes if one.scenario.point and one.keys.gone}
    assert lost == {"write"}
    assert ran.gate is Gate.FAIL
    assert all(one.fired for one in ran.outcomes)


def test_what_a_tool_starts_is_killed_too(done: Ran) -> None:
    """A tool that lets another program write its files dies at the calls of that one, and both with it."""
    ran = done("by_child").campaign
    assert [
        str(one.scenario.point.event) for one in ran.outcomes if one.keys.gone and one.scenario.point
    ] == [
        "write",
        "write",
    ]
    assert all(one.fired for one in ran.outcomes)


def test_a_tool_that_leaves_a_key_behind_is_no_ground(done: Ran) -> None:
    """A run that calls itself done and leaves a key under the old secret is found with nobody killed."""
    ran = done("half_done").campaign
    (unhurt,) = ran.outcomes
    assert unhurt.verdict is Verdict.STUCK
    assert [finding.text for finding in unhurt.findings] == ["b: is under the old secret still"]
    assert ran.judged.untried == ("'rotate', which nobody kills, leaves 1 of 2 keys under the old secret: b",)
    assert ran.gate is Gate.INCONCLUSIVE


def test_the_run_directory(done: Ran) -> None:
    """Plan, results and campaign.json tell of the same scenarios, and reports can be made of them."""
    folder = done("careless").folder
    plan = [json.loads(line)["id"] for line in (folder / "plan.jsonl").read_text().splitlines()]
    stored = json.loads((folder / "campaign.json").read_text())
    assert stored["schema_version"] == 1
    assert [one["id"] for one in stored["scenarios"]] == plan
    assert len((folder / "results.jsonl").read_text().splitlines()) == len(plan)
    wrong = [one["id"] for one in stored["scenarios"] if not one["as_documented"]]
    run = SutRun.read(folder)
    summary, junit = report.summary(run), report.document(run)
    assert wrong
    assert all(f"--only {name}" in summary for name in wrong)
    assert junit.count("<failure") == len(wrong) + 1


def test_equal_crash_states_end_alike(done: Ran) -> None:
    """A crash that leaves what another one has left names that one, and has its verdict."""
    ran = done("careful").campaign
    by_id = {one.scenario.id: one for one in ran.outcomes}
    merged = [one for one in ran.outcomes if one.ending_of != one.scenario.id]
    assert merged
    for one in merged:
        first = by_id[one.ending_of]
        assert (first.state, first.verdict, first.recovery) == (one.state, one.verdict, one.recovery)


def test_what_comes_by_chance_is_refused(toy: Callable[[str], ProgramProfile], tmp_path: Path) -> None:
    """A tool that makes other calls each time is not planned for: no ordinal could be trusted."""
    profile = toy("careful")
    tool = tmp_path / "tool.py"
    tool.write_text(tool.read_text().replace('print("rotated")', 'careful(f"x{os.getpid()}", "new -")'))
    scratch = tmp_path / "scratch"
    golden = campaign.prepared(profile, scratch)
    place = PlayFolders(scratch / "job" / "files", golden.place.ledger, scratch / "job" / "home")
    with pytest.raises(NotRepeatable, match="made different calls"):
        campaign.record(profile, golden, place)


def test_a_check_that_breaks_is_a_failure_of_the_bench(
    toy: Callable[[str], ProgramProfile], tmp_path: Path
) -> None:
    """Where a check gives no answer about a crash state, that scenario alone is void; the gate says so."""
    profile = toy("careless")
    tool = tmp_path / "tool.py"
    tool.write_text(tool.read_text().replace("except (OSError, ValueError):", "except OSError:"))
    rundir = RunDir.create(tmp_path / "run")
    ran = campaign.run(profile, rundir, tmp_path / "scratch", 1, lambda *_: None, lambda every: every[:3])
    verdicts = [one.verdict for one in ran.outcomes]
    assert verdicts == [Verdict.RECOVERED, Verdict.RECOVERED, Verdict.HARNESS_ERROR]
    assert ran.gate is Gate.ERROR


def test_the_command_line(
    toy: Callable[[str], ProgramProfile], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A loss is a line, a reason, the command that shows it again, and exit code 1."""
    path = toy("careless").path
    code = main(["sut", "run", str(path), "--only", "*@write.1-*", "--out", str(tmp_path / "run")])
    printed = capsys.readouterr().out
    assert code == Exit.CONTRADICTED
    assert "!! DATA_LOST 1/2 keys" in printed
    assert "readable: a: no secret opens it any more" in printed
    assert f"again: hil sut run {path} --only rotate/tool@write.1-before/rerun" in printed
    assert (tmp_path / "run" / "junit.xml").exists()


def test_nothing_to_play(
    toy: Callable[[str], ProgramProfile], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pattern that no scenario matches leaves an empty plan: no answer, and no run directory."""
    path = toy("careful").path
    assert main(["sut", "run", str(path), "--only", "x", "--out", str(tmp_path / "run")]) == Exit.INCONCLUSIVE
    assert "no scenario matches 'x'" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
