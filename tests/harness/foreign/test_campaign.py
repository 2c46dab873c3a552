"""Campaigns on real processes, killed by the bench."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from harness.campaign.record import NotRepeatable
from harness.foreign import campaign, report
from harness.foreign.command import Place
from harness.foreign.profile import Profile
from harness.model.verdicts import Gate, Verdict


class Done(Protocol):
    """A campaign that has come to its end, and its run directory (conftest.py)."""

    campaign: campaign.Campaign
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


def test_a_tool_that_leaves_a_key_behind_is_stuck(done: Ran) -> None:
    """A key that is under the old secret after a run that calls itself done is found, with nobody killed."""
    unhurt = next(one for one in done("half_done").campaign.outcomes if one.scenario.point is None)
    assert unhurt.verdict is Verdict.STUCK
    assert [finding.text for finding in unhurt.findings] == ["b: is under the old secret still"]


def test_the_run_directory(done: Ran) -> None:
    """Plan, results and campaign.json tell of the same scenarios, and reports can be made of them."""
    folder = done("careless").folder
    plan = [json.loads(line)["id"] for line in (folder / "plan.jsonl").read_text().splitlines()]
    stored = json.loads((folder / "campaign.json").read_text())
    assert stored["schema_version"] == 1
    assert [one["id"] for one in stored["scenarios"]] == plan
    assert len((folder / "results.jsonl").read_text().splitlines()) == len(plan)
    wrong = [one["id"] for one in stored["scenarios"] if not one["as_documented"]]
    summary, junit = report.summary(stored, Path("toy.toml")), report.junit(stored)
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


def test_what_comes_by_chance_is_refused(toy: Callable[[str], Profile], tmp_path: Path) -> None:
    """A tool that makes other calls each time is not planned for: no ordinal could be trusted."""
    profile = toy("careful")
    tool = tmp_path / "tool.py"
    tool.write_text(tool.read_text().replace('print("rotated")', 'careful(f"x{os.getpid()}", "new -")'))
    scratch = tmp_path / "scratch"
    golden = campaign.prepared(profile, scratch)
    place = Place(scratch / "job" / "files", golden.place.ledger, scratch / "job" / "home")
    with pytest.raises(NotRepeatable, match="made different calls"):
        campaign.record(profile, golden, place)
