"""Shards put together, and folders that are no shards of one plan."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.cli import main
from hil.engine.again import merge
from hil.engine.again.merge import NotOneCampaign
from hil.engine.again.recheck import recheck
from hil.engine.errors import BadRunDir, RunDirBusy
from hil.engine.plan import Origin, write_plan
from hil.engine.rundir import RunDir, read_campaign
from hil.engine.stored import Stored
from hil.model.scenario import Scenario
from hil.model.verdicts import Gate, Verdict
from hil.targets.hpcs.emulator import Shape
from tests.hil.engine.conftest import HEAD, PLAN, account, files

if TYPE_CHECKING:
    from tests.hil.engine.conftest import Made


def test_whole(made: "Made", tmp_path: Path) -> None:
    """Two shards become the folder of an unsharded run, and stay as they are."""
    one, two = made("one", (1, 3), {"shard": "1/2"}), made("two", (2,), {"shard": "2/2", "seconds": 2.5})
    whole = made("whole", head={"shard": "1/1"})
    before = files(one), files(two)
    outcome = merge.merge(merge.read([two, one]), tmp_path / "merged")
    assert (outcome.gate, outcome.seconds) == (Gate.PASS, 4.0)
    assert (files(one), files(two)) == before
    merged = files(tmp_path / "merged")
    expected = files(whole)
    assert merged.keys() == expected.keys()
    head, same = json.loads(merged.pop("campaign.json")), json.loads(expected.pop("campaign.json"))
    assert merged == expected
    assert head["scenarios"] == same["scenarios"]
    assert {name: head[name] for name in same} == same | {"seconds": 4.0}
    assert (head["verdicts"]["RECOVERED"], head["crash_points"]["fired"]) == (2, 3)
    assert (tmp_path / "latest").resolve() == tmp_path / "merged"


def test_a_shard_is_missing(made: "Made", tmp_path: Path) -> None:
    """What nobody has played makes the whole inconclusive."""
    outcome = merge.merge(merge.read([made("one", (1, 3), {})]), tmp_path / "merged")
    assert outcome.gate is Gate.INCONCLUSIVE
    campaign = read_campaign(tmp_path / "merged")
    assert (campaign["planned"], len(campaign["scenarios"])) == (3, 2)


def test_probes_that_were_lost(made: "Made", tmp_path: Path) -> None:
    """A shard whose worker was lost over the probes fails as the bench's own fault, and so does the whole."""
    shards = [made("one", (1, 3), {"probes": []}), made("two", (2,), {})]
    assert recheck(Stored.read(shards[0])).gate is Gate.ERROR
    assert merge.merge(merge.read(shards), tmp_path / "merged").gate is Gate.ERROR


def test_differences_of_all_shards(made: "Made", tmp_path: Path) -> None:
    """Scenarios that did not repeat in any shard are those of the whole, which is inconclusive."""
    audit = {"every": 20, "differing": [PLAN[1].id]}
    shards = [made("one", (1, 3), {}), made("two", (2,), {"audit": audit})]
    outcome = merge.merge(merge.read(shards), tmp_path / "merged")
    assert outcome.differing == (PLAN[1].id,)
    assert outcome.gate is Gate.INCONCLUSIVE


UNTOUCHED = "auto auto-mk-rotate none messages none | 1:C/- 2:C/- | rows 12+0+0 | open | selected 1,2"


@pytest.mark.parametrize(
    ("rules", "gate"), [(("auto: neither message",), Gate.PASS), (("another",), Gate.INCONCLUSIVE)]
)
def test_depth_2_whole(tmp_path: Path, rules: tuple[str, ...], gate: Gate) -> None:
    """The whole tells what was merged; a merged crash that ended otherwise makes it inconclusive."""
    ids = ("commit.1-after", "query.1-after", "commit.1-after~tke@setimm.1-after")
    sampled = "query.1-after~tke@setimm.1-after"
    plan = [Scenario.parse(f"auto/tke@{one}/documented", Verdict.RECOVERED) for one in (*ids, sampled)]
    shards = []
    for index in (1, 2):
        rundir = RunDir.create(tmp_path / str(index))
        rundir.keep_equipment("process", None, None)
        rundir.write_plan(plan, Origin("full", Shape(1, 1, 0, 8)))
        for number in (index, index + 2):
            one = account(plan[number - 1])
            followed = rules if number == 4 else one.result.rules
            one.result = replace(one.result, state=UNTOUCHED, rules=followed)
            rundir.write_account(number, one)
            rundir.add_result(number, one.result)
        records = rundir.results()
        rundir.write_campaign(HEAD | {"profile": "full", "planned": 2, "total": 4}, list(records.values()))
        shards.append(rundir.path)
    outcome = merge.merge(merge.read(shards), tmp_path / "merged")
    assert outcome.gate is gate
    assert recheck(Stored.read(tmp_path / "merged")).gate is gate
    head = read_campaign(tmp_path / "merged")
    counted = {"crashes": 2, "states": 1, "deep": 2, "sampled": 1, "state_based": 0, "spared": []}
    assert head["merged"] == counted | {"differ": [plan[3].id] if gate is Gate.INCONCLUSIVE else []}


def test_a_probe_that_failed_in_one_shard(made: "Made", tmp_path: Path) -> None:
    """It has failed in the whole, where each probe stands once."""
    held = {"name": "replay", "passed": True, "detail": "refused"}
    failed = held | {"passed": False, "detail": "taken"}
    one, two = made("one", (1, 3), {"probes": [held]}), made("two", (2,), {"probes": [failed]})
    outcome = merge.merge(merge.read([one, two]), tmp_path / "merged")
    assert outcome.gate is Gate.FAIL
    assert read_campaign(tmp_path / "merged")["probes"] == [failed]


@pytest.mark.parametrize("turned", [False, True], ids=["first", "second"])
def test_a_probe_that_could_not_be_tried_in_one_shard(made: "Made", tmp_path: Path, *, turned: bool) -> None:
    """It was not tried in the whole, which is the bench's own failure."""
    held = {"name": "replay", "passed": True, "detail": "refused"}
    untried = held | {"passed": False, "detail": "could not be tried", "tried": False}
    first, second = (held, untried) if turned else (untried, held)
    shards = [made("one", (1, 3), {"probes": [first]}), made("two", (2,), {"probes": [second]})]
    assert merge.merge(merge.read(shards), tmp_path / "merged").gate is Gate.ERROR
    assert read_campaign(tmp_path / "merged")["probes"] == [untried]


def test_what_only_one_shard_says(made: "Made", tmp_path: Path) -> None:
    """A field that the shards do not agree on is not claimed of the whole."""
    shards = [made("one", (1, 3), {"note": 1, "alike": 1}), made("two", (2,), {"note": 2, "alike": 1})]
    merge.merge(merge.read(shards), tmp_path / "merged")
    campaign = read_campaign(tmp_path / "merged")
    assert "note" not in campaign
    assert campaign["alike"] == 1


def test_scenario_twice(made: "Made") -> None:
    """One scenario has one result."""
    with pytest.raises(NotOneCampaign, match="merge each shard once"):
        merge.read([made("one", (1, 2), {}), made("two", (2, 3), {})])


def test_other_plan(made: "Made") -> None:
    """Results of another plan are no part of this one."""
    two = made("two", (), {})
    write_plan(two / "plan.jsonl", PLAN[:2])
    with pytest.raises(NotOneCampaign, match="different plans"):
        merge.read([made("one", (1,), {}), two])


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("keys", 9, "differ in keys: 8 and 9"),
        ("backend", "docker", "differ in backend: process and docker"),
        ("units", HEAD["units"] | {"recovery": 2}, "1 operational, 2 recovery"),
    ],
)
def test_other_instance(made: "Made", field: str, value: object, says: str) -> None:
    """Shards that ran on instances of another make are not put together."""
    with pytest.raises(NotOneCampaign, match=says):
        merge.read([made("one", (1,), {}), made("two", (2,), {field: value})])


def test_unfinished_shard(made: "Made") -> None:
    """A shard has to be run to its end first."""
    with pytest.raises(BadRunDir, match="run it to its end first"):
        merge.read([made("one", (1,), {}), made("two", (2,))])


def test_out_is_taken(made: "Made", tmp_path: Path) -> None:
    """Nothing is written into a folder that holds something, such as one of the shards."""
    one = made("one", (1,), {})
    before = files(tmp_path)
    with pytest.raises(RunDirBusy, match="is not empty; choose another --out"):
        merge.merge((Stored.read(one),), one)
    assert files(tmp_path) == before


@pytest.mark.parametrize("page", ["/nowhere/summary.md", "/dev/full", "/"])
def test_a_runner_whose_page_takes_nothing(
    made: "Made",
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    page: str,
) -> None:
    """A step summary that cannot be written is one line; exit code and reports are those of the campaign."""
    parts = [str(made("one", (1, 3), {"shard": "1/2"})), str(made("two", (2,), {"shard": "2/2"}))]
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", page)
    assert main(["merge", *parts, "--out", str(tmp_path / "whole")]) == 0
    said = capsys.readouterr()
    assert said.err.startswith(f"hil: {page}, the summary of this step, was not written: ")
    assert (said.err.count("\n"), "PASS" in said.out) == (1, True)
