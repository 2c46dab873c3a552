"""Verdicts given again from stored evidence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hil.cli import main
from hil.engine.again.recheck import recheck
from hil.engine.errors import BadRunDir
from hil.engine.stored import Stored
from hil.model.verdicts import Exit, Gate, Verdict
from tests.hil.engine.conftest import IDS, files

if TYPE_CHECKING:
    from tests.hil.engine.conftest import Made


def _edit(run: Path, number: int, **fields: Any) -> None:  # noqa: ANN401  unchecked JSON
    file = run / "scenarios" / str(number) / "observation.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))


def test_nothing_changed(made: "Made") -> None:
    """The same evidence and the same judging give the same verdicts, findings and keys."""
    stored = Stored.read(made("run", head={}))
    again = recheck(stored)
    assert again.changes == ()
    assert again.results == tuple(stored.results[number] for number in (1, 2, 3))
    assert (again.judged, again.gate) == (3, Gate.PASS)


def test_another_observation(made: "Made") -> None:
    """Evidence of a lost key is a changed verdict and fails the gate; nothing in the folder is written."""
    run = made("run", head={})
    _edit(run, 1, unreadable=[{"key_id": "k", "version": 1, "text": "k is lost"}])
    before = files(run)
    again = recheck(Stored.read(run))
    ((old, new),) = again.changes
    assert (old.verdict, new.verdict) == (Verdict.RECOVERED, Verdict.DATA_LOST)
    assert (new.keys.readable, new.findings[0].text) == (7, "k is lost")
    assert again.gate is Gate.FAIL
    assert files(run) == before


def test_a_probe_that_had_failed(made: "Made") -> None:
    """A failed probe is no matter of judging again: it still fails the gate."""
    probe = {"name": "replay", "passed": False, "detail": "taken"}
    assert recheck(Stored.read(made("run", head={"probes": [probe]}))).gate is Gate.FAIL


def test_a_probe_that_could_not_be_tried(made: "Made") -> None:
    """What could not be asked is the failure of the bench or the machine, and contradicts nothing."""
    probe = {"name": "open rotation", "passed": False, "detail": "could not be tried", "tried": False}
    assert recheck(Stored.read(made("run", head={"probes": [probe]}))).gate is Gate.ERROR


def test_a_loss_that_was_expected(made: "Made") -> None:
    """A control that loses nothing by its evidence fails the gate as well."""
    run = made("run", head={})
    _edit(run, 3, unreadable=[])
    again = recheck(Stored.read(run))
    assert [new.verdict for _, new in again.changes] == [Verdict.RECOVERED]
    assert again.gate is Gate.FAIL


def test_no_evidence(made: "Made") -> None:
    """A verdict whose evidence has gone is not taken for one that was judged again."""
    run = made("run", head={})
    (run / "scenarios" / "3" / "observation.json").unlink()
    with pytest.raises(BadRunDir, match=r"scenarios/3 lacks observation.json, from which DATA_LOST was"):
        recheck(Stored.read(run))


def test_never_looked_at(made: "Made") -> None:
    """A scenario in which the bench failed, so that the oracle never came to look, keeps its verdict."""
    run = made("run", head={})
    (run / "scenarios" / "3" / "observation.json").unlink()
    lines = (run / "results.jsonl").read_text().splitlines()
    failed = json.loads(lines[2]) | {"verdict": "HARNESS_ERROR"}
    (run / "results.jsonl").write_text("".join(f"{line}\n" for line in (*lines[:2], json.dumps(failed))))
    again = recheck(Stored.read(run))
    assert again.changes == ()
    assert (again.judged, again.gate) == (2, Gate.ERROR)


def test_a_control_that_was_missing(made: "Made") -> None:
    """A campaign without a promised control stays inconclusive, however its scenarios are judged."""
    missing = ["every control of kind misread"]
    head = {"gate": "inconclusive", "controls": {"outcomes": {}, "missing": missing}}
    assert recheck(Stored.read(made("run", head=head))).gate is Gate.INCONCLUSIVE


def test_unfinished(made: "Made") -> None:
    """Scenarios without a result leave the gate inconclusive; those of another shard are not missed."""
    assert recheck(Stored.read(made("cut", (1, 2)))).gate is Gate.INCONCLUSIVE
    assert recheck(Stored.read(made("shard", (1, 2), {"shard": "1/2"}))).gate is Gate.PASS


def test_not_repeatable(made: "Made") -> None:
    """A difference that the audit found is not forgotten."""
    run = made("run", head={"gate": "inconclusive", "audit": {"every": 20, "differing": [list(IDS)[1]]}})
    (run / "scenarios" / "2" / "difference.txt").write_text("-one\n+other\n")
    assert recheck(Stored.read(run)).gate is Gate.INCONCLUSIVE


@pytest.mark.parametrize("text", ["{", "{}", "[]"])
def test_damaged_evidence(made: "Made", text: str) -> None:
    """Evidence that cannot be read is named, not passed over."""
    run = made("run", head={})
    (run / "scenarios" / "2" / "observation.json").write_text(text)
    with pytest.raises(BadRunDir, match=r"2/observation\.json is damaged"):
        recheck(Stored.read(run))


CAMPAIGN = "campaign.json"
RECORDED = "results.jsonl"
JUDGED = "scenarios/3/verdict.json"


def _in_campaign(campaign: dict[str, Any], **fields: Any) -> None:  # noqa: ANN401
    campaign["scenarios"][2] |= fields


FORGERIES: dict[str, tuple[str, Callable[[Any], object], str]] = {
    "an entry of campaign.json": (
        CAMPAIGN,
        lambda it: _in_campaign(it, verdict="RECOVERED"),
        'campaign.json: verdict "RECOVERED", results.jsonl has verdict "DATA_LOST"',
    ),
    "an entry too few": (CAMPAIGN, lambda it: it["scenarios"].pop(), "has other scenarios than"),
    "an entry that lacks a field": (
        CAMPAIGN,
        lambda it: it["scenarios"][2].pop("keys"),
        "campaign.json: keys null, results.jsonl has keys ",
    ),
    "a count of verdicts": (
        CAMPAIGN,
        lambda it: it.update(verdicts={"RECOVERED": 3}),
        'campaign.json: verdicts {"RECOVERED": 3}, what it holds gives {"RECOVERED": 2, ',
    ),
    "a count of faults": (
        CAMPAIGN,
        lambda it: it.update(crash_points={"enumerated": 9, "fired": 9}),
        'campaign.json: crash_points {"enumerated": 9, ',
    ),
    "the gate": (
        CAMPAIGN,
        lambda it: it.update(gate="inconclusive"),
        'gate "inconclusive", what it holds gives "pass"',
    ),
    "what came of the controls": (
        CAMPAIGN,
        lambda it: it.update(controls={"outcomes": {"token-first": {"LOST": 1}}, "missing": []}),
        'campaign.json: controls {"outcomes": {"token-first": {"LOST": 1}}',
    ),
    "a probe that was never asked": (
        CAMPAIGN,
        lambda it: it["probes"].append(it["probes"][0] | {"name": "another"}),
        'campaign.json: probe another passed "what users may do", probes.json has nothing',
    ),
    "a probe that was answered otherwise": (
        "probes.json",
        lambda it: it[0].update(detail="users may do it all"),
        'probe gate passed "what users may do", probes.json has passed "users may do it all"',
    ),
    "a verdict": (
        JUDGED,
        lambda it: it.update(verdict="RECOVERED", keys={"total": 8, "readable": 8, "gone": 0}),
        'scenarios/3/verdict.json: verdict "RECOVERED", keys ',
    ),
    "what was played": (
        "scenarios/3/scenario.json",
        lambda it: it.update(recovery=["nothing"]),
        'scenarios/3/scenario.json: recovery ["nothing"], results.jsonl has recovery ["auto-mk-rotate"]',
    ),
    "keys that the oracle saw": (
        "scenarios/3/observation.json",
        lambda it: it["unreadable"].pop(),
        "observation.json: 7 of 8 keys, results.jsonl has 6 of 8 keys",
    ),
}


@pytest.mark.parametrize("kind", FORGERIES)
def test_one_file_was_forged(made: "Made", kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whichever file was changed alone is named by the others, and the evidence passes no more."""
    name, forge, says = FORGERIES[kind]
    run = made("run", head={})
    content = json.loads((run / name).read_text())
    forge(content)
    (run / name).write_text(json.dumps(content))
    assert main(["recheck", str(run)]) == Exit.HARNESS_ERROR
    out = capsys.readouterr().out
    assert "contradicts itself: " in out
    assert says in out
    assert "the evidence contradicts itself in 1 places: it was changed since" in out


def test_a_failed_probe_that_was_forged(made: "Made") -> None:
    """A probe that is said to have passed is named by what was kept when it was asked, and so is the gate."""
    probe = {"name": "replay", "passed": False, "detail": "taken"}
    run = made("run", head={"probes": [probe], "gate": "fail"})
    assert recheck(Stored.read(run)).differences == ()
    campaign = json.loads((run / CAMPAIGN).read_text())
    forged = {"gate": "pass", "probes": [probe | {"passed": True}]}
    for fields, said in (
        ({"gate": "pass"}, 'campaign.json: gate "pass", what it holds gives "fail"'),
        (forged, 'campaign.json: probe replay passed "taken", probes.json has not passed "taken"'),
    ):
        (run / CAMPAIGN).write_text(json.dumps(campaign | fields))
        assert recheck(Stored.read(run)).differences == (said,)


def test_every_verdict_was_forged(made: "Made", capsys: pytest.CaptureFixture[str]) -> None:
    """Each forged verdict.json is named with its scenario."""
    run = made("run", head={})
    for file in run.glob("scenarios/*/verdict.json"):
        file.write_text(file.read_text().replace('"verdict": "', '"verdict": "NOT_'))
    assert main(["recheck", str(run)]) == Exit.HARNESS_ERROR
    assert capsys.readouterr().out.count("contradicts itself: scenarios/") == 3


def test_results_that_were_forged(made: "Made", capsys: pytest.CaptureFixture[str]) -> None:
    """A line of results.jsonl that hides a loss is judged again, and named by all that still tells of it."""
    run = made("run", head={})
    lines = (run / RECORDED).read_text().splitlines()
    lines[2] = lines[2].replace('"verdict": "DATA_LOST"', '"verdict": "RECOVERED"')
    (run / RECORDED).write_text("".join(f"{line}\n" for line in lines))
    assert main(["recheck", str(run)]) != Exit.AS_DOCUMENTED
    out = capsys.readouterr().out
    assert "RECOVERED -> DATA_LOST, expected DATA_LOST" in out
    assert (
        'contradicts itself: campaign.json: verdict "DATA_LOST", results.jsonl has verdict "RECOVERED"' in out
    )
    assert "contradicts itself: scenarios/3/verdict.json" in out


def test_a_verdict_that_was_taken_away(made: "Made") -> None:
    """A folder with evidence and without its judgement is none that a campaign leaves."""
    run = made("run", head={})
    (run / JUDGED).unlink()
    assert recheck(Stored.read(run)).differences == ("scenarios/3/verdict.json is missing",)
