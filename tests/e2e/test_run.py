"""Campaigns by the command line, from the first process to campaign.json."""

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from typing import IO

    from tests.e2e.conftest import Place

SMALL = ("--backend", "process", "--operational", "1", "--recovery", "1", "--keys", "8")
# One that recovers, one with a second death during the recovery, and the control that has to lose keys.
IDS = {
    "auto/kms@C_WrapKey.6-after/documented": "RECOVERED",
    "auto/kms@C_WrapKey.6-after~kms@C_WrapKey.1-after/documented": "RECOVERED",
    "auto/kms@C_WrapKey.6-after/rerun-after-message-1": "DATA_LOST",
}

NUMBER, TEXT, FLAG, WHOLE = (int, float), (str,), (bool,), (int,)
VERDICTS = {"RECOVERED", "DATA_LOST", "STUCK", "NOT_FIRED", "HARNESS_ERROR"}
# The promised fields of campaign.json, schema version 1: fields may be added, none is renamed.
HEAD: dict[str, tuple[type, ...]] = {
    "schema_version": WHOLE,
    "gate": TEXT,
    "profile": TEXT,
    "backend": TEXT,
    "keystore": TEXT,
    "units.operational": WHOLE,
    "units.recovery": WHOLE,
    "units.failover": WHOLE,
    "keys": WHOLE,
    "seconds": NUMBER,
    "scenarios_per_second": NUMBER,
    **{f"verdicts.{verdict}": WHOLE for verdict in VERDICTS},
    "crash_points.enumerated": WHOLE,
    "crash_points.fired": WHOLE,
}
SCENARIO: dict[str, tuple[type, ...]] = {
    "id": TEXT,
    "flow": TEXT,
    "procedure": TEXT,
    "messages.1": FLAG,
    "messages.2": FLAG,
    "recovery": (list,),
    "verdict": TEXT,
    "expected": TEXT,
    "as_documented": FLAG,
    "state_at_crash.rows.current": WHOLE,
    "state_at_crash.rows.new": WHOLE,
    "state_at_crash.rows.unreadable": WHOLE,
    "keys.total": WHOLE,
    "keys.readable": WHOLE,
    "seconds": NUMBER,
}
FAULT: dict[str, tuple[type, ...]] = {
    "victim": TEXT,
    "event": TEXT,
    "ordinal": WHOLE,
    "when": TEXT,
    "kind": TEXT,
    "fired": FLAG,
}
UNIT: dict[str, tuple[type, ...]] = {
    "number": WHOLE,
    "type": TEXT,
    "current": TEXT,
    "new": (str, type(None)),
    "new_state": TEXT,
}


def _has(value: Any, fields: dict[str, tuple[type, ...]]) -> None:  # noqa: ANN401  unchecked JSON
    for path, kinds in fields.items():
        found = value
        for name in path.split("."):
            assert name in found, path
            found = found[name]
        assert type(found) in kinds, path


def _lines(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_campaign_of_three(place: "Place") -> None:
    """Three scenarios end as documented: exit code 0, the whole record, and nothing else left."""
    plan = str(place.plan({**IDS, "parts/none/documented": "RECOVERED"}))
    only = ("--plan", plan, "--only", "auto/*", "--out", "runs/three", "--jobs", "2")
    ended = place.hil("run", *SMALL, *only)
    assert ended.returncode == 0, ended
    assert ended.stderr == ""
    assert "PASS: every scenario ended as documented" in ended.stdout
    assert "loss confirmed, as documented" in ended.stdout
    place.nothing_left()

    folder = place.runs / "runs" / "latest"
    assert folder.resolve() == place.runs / "runs" / "three"
    assert {plan["id"]: plan["expected"] for plan in _lines(folder / "plan.jsonl")} == IDS
    campaign = json.loads((folder / "campaign.json").read_text())
    _has(campaign, HEAD)
    assert (campaign["schema_version"], campaign["gate"], campaign["backend"]) == (1, "pass", "process")
    assert campaign["verdicts"] == {**dict.fromkeys(VERDICTS, 0), "RECOVERED": 2, "DATA_LOST": 1}
    assert campaign["crash_points"] == {"enumerated": 4, "fired": 4}
    assert campaign["model"] == {"cells": 2, "agree": 2, "differ": []}
    assert "predicted 2 of 2 cells" in (folder / "summary.md").read_text()
    assert {one["id"]: one["verdict"] for one in campaign["scenarios"]} == IDS
    by_id = {one["id"]: one for one in campaign["scenarios"]}
    for line in _lines(folder / "results.jsonl"):
        assert line | by_id[line["id"]] == line
    for scenario in campaign["scenarios"]:
        _scenario(scenario)
    control = by_id["auto/kms@C_WrapKey.6-after/rerun-after-message-1"]
    assert control["procedure"] == "forbidden"
    assert control["keys"]["readable"] < control["keys"]["total"] == 8


def _scenario(scenario: Any) -> None:  # noqa: ANN401  unchecked JSON
    _has(scenario, SCENARIO)
    assert scenario["as_documented"] is True
    assert scenario["verdict"] in VERDICTS
    for fault in scenario["faults"]:
        _has(fault, FAULT)
        assert fault["victim"] == "kms"
        assert fault["fired"] is True
    assert [unit["type"] for unit in scenario["state_at_crash"]["units"]] == ["OPERATIONAL", "RECOVERY"]
    for unit in scenario["state_at_crash"]["units"]:
        _has(unit, UNIT)
        assert len(unit["current"]) == 8


def test_evidence_of_a_scenario(place: "Place") -> None:
    """What did not go as planned fails the campaign, and its folder tells what happened, in full."""
    scenario = "auto/kms@C_WrapKey.6-after/rerun-after-message-1"
    plan = str(place.plan({scenario: "RECOVERED"}))
    ended = place.hil("run", *SMALL, "--plan", plan, "--out", "one")
    assert ended.returncode == 1, ended
    assert "not as documented: DATA_LOST, expected RECOVERED" in ended.stdout
    folder = place.runs / "one" / "scenarios" / "1"
    events = _lines(folder / "events.jsonl")
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    struck = [event for event in events if (event["name"], event["stage"]) == ("C_WrapKey", 0)]
    assert (struck[-1]["ordinal"], struck[-1]["when"]) == (6, "after")
    assert (folder / "transcript.txt").read_text().startswith("$ auto-mk-rotate\n")
    assert json.loads((folder / "verdict.json").read_text())["verdict"] == "DATA_LOST"
    assert json.loads((folder / "scenario.json").read_text())["id"] == scenario
    for name in ("before", "at-crash", "after"):
        units = json.loads((folder / f"registers-{name}.json").read_text())
        assert [unit["number"] for unit in units] == [1, 2]


def test_second_campaign_in_the_same_folder(place: "Place") -> None:
    """While a campaign runs its folder is refused to another one; the first one goes on unharmed."""
    plan = str(place.plan({"auto/tke@message1.1-after/documented": "RECOVERED"}))
    only = ("--plan", plan, "--out", "same")
    with place.start("run", *SMALL, *only) as first:
        assert first.stdout
        assert "evidence in" in first.stdout.readline()
        second = place.hil("run", *SMALL, *only)
        assert second.returncode == 64
        assert second.stderr == "hil: another campaign is writing to same; choose another --out\n"
        assert second.stdout == ""
        assert first.wait(100) == 0
    third = place.hil("run", *SMALL, *only)
    assert third.returncode == 64
    assert third.stderr == "hil: same holds a finished campaign; choose another --out or remove it\n"
    place.nothing_left()


def _long_campaign(place: "Place") -> "subprocess.Popen[str]":
    points = [f"{side}@C_WrapKey.{call}-after" for side in ("kms", "tke") for call in range(1, 13)]
    plan = place.plan({f"auto/{point}/documented": "RECOVERED" for point in points})
    return place.start("run", *SMALL, "--plan", str(plan), "--out", "run", "--jobs", "2")


def _await_results(stdout: "IO[str]", results: int) -> None:
    """Read the first line of a campaign and those of so many results; others may stand between."""
    assert "evidence in" in stdout.readline()
    for _ in range(results):
        while not (line := stdout.readline()).startswith("["):
            assert line


def _interrupt_process(pid: int) -> None:
    os.kill(pid, signal.SIGINT)


def _interrupt_group(pid: int) -> None:
    os.killpg(pid, signal.SIGINT)  # what a terminal does


@pytest.mark.parametrize("interrupt", [_interrupt_process, _interrupt_group])
@pytest.mark.parametrize("results", [0, 2])
def test_interrupted_campaign(place: "Place", interrupt: "Callable[[int], None]", results: int) -> None:
    """An interrupt, in the setting up or in the middle: exit code 130, results kept, nothing else left."""
    with _long_campaign(place) as process:
        assert process.stdout
        assert process.stderr
        _await_results(process.stdout, results)
        interrupt(process.pid)
        assert process.wait(100) == 130
        said = process.stderr.read().strip()  # a line end after ^C
        assert "Unfinished" in (place.runs / "run" / "report.html").read_text()
    assert said == "hil: interrupted; results so far are kept, the same command with --out run goes on"
    place.nothing_left()
    assert len(_lines(place.runs / "run" / "results.jsonl")) >= results
    assert not (place.runs / "run" / "campaign.json").exists()


@pytest.mark.parametrize("results", [0, 2])
def test_killed_campaign(place: "Place", results: int) -> None:
    """A bench that is killed takes its processes and folders with it, and its results stay."""
    with _long_campaign(place) as process:
        assert process.stdout
        _await_results(process.stdout, results)
        process.kill()
        assert process.wait(100) == -signal.SIGKILL
    place.nothing_left()
    assert len(_lines(place.runs / "run" / "results.jsonl")) >= results


def test_terminated_campaign(place: "Place") -> None:
    """SIGTERM, as a runner of CI sends it, is an interrupt: a report is written, nothing else is left."""
    with _long_campaign(place) as process:
        assert process.stdout
        _await_results(process.stdout, 1)
        process.terminate()
        assert process.wait(100) == 130
        assert "Unfinished" in (place.runs / "run" / "report.html").read_text()
    place.nothing_left()


@pytest.mark.parametrize(
    "missed",
    ["tke@setimm.99-after", "tke@commit.1-after~tke@setimm.99-after", "unit2@load.1-before"],
)
def test_a_fault_that_cannot_fire(place: "Place", missed: str) -> None:
    """A crash point that no run has is told as such: never a pass, inconclusive, exit code 2."""
    plan = str(place.plan({f"auto/{missed}/documented": "RECOVERED"}))
    ended = place.hil("run", *SMALL, "--plan", plan, "--out", "run")
    assert ended.returncode == 2, ended
    assert "INCONCLUSIVE" in ended.stdout
    campaign = json.loads((place.runs / "run" / "campaign.json").read_text())
    assert campaign["gate"] == "inconclusive"
    (scenario,) = campaign["scenarios"]
    assert scenario["verdict"] == "NOT_FIRED"
    assert scenario["faults"][-1]["fired"] is False
    assert campaign["crash_points"]["fired"] == len(scenario["faults"]) - 1


@pytest.mark.parametrize("pattern", ["nothing/*", "auto/tke@nothing.*"], ids=["never", "not in this plan"])
def test_nothing_matches(place: "Place", pattern: str) -> None:
    """Where no scenario matches, nothing is tried and nothing left, also where recording had to tell."""
    ended = place.hil("run", *SMALL, "--profile", "smoke", "--only", pattern)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert f"matches '{pattern}'" in ended.stderr
    assert not any(place.runs.iterdir())
    place.nothing_left()
