"""``hil replay``, ``shrink``, ``recheck`` and ``merge`` on campaigns that were really played."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Place

SMALL = ("--backend", "process", "--operational", "1", "--recovery", "1", "--keys", "8")
# One of every class of event, one that recovers from a copy of its crash state, a second death, an error
# reply, and the control that has to lose keys.
CONTROL = "auto/kms@C_WrapKey.6-after/rerun-after-message-1"
IDS = {
    "auto/unit1@setimm.1-before/documented": "RECOVERED",
    "auto/unit1@setimm.1-before/state-based": "RECOVERED",
    "auto/kms@rewrap.1-after/documented": "RECOVERED",
    "auto/kms@C_WrapKey.6-after~kms@C_WrapKey.1-after/documented": "RECOVERED",
    "auto/unit2@fsync.2-before/documented": "RECOVERED",
    "auto/kms@sql-commit.2-before/documented": "RECOVERED",
    "parts/tke@message2.1-after/documented": "RECOVERED",
    "auto/kms@C_WrapKey.3-before+error.CKR_DEVICE_ERROR/documented": "RECOVERED",
    CONTROL: "DATA_LOST",
}


def _campaign(folder: Path) -> Any:  # noqa: ANN401  unchecked JSON
    return json.loads((folder / "campaign.json").read_text())


@pytest.mark.long
@pytest.mark.slow
def test_replay_of_every_class(place: "Place") -> None:
    """Replayed alone, each id has the verdict and the trace of the campaign; the end says so."""
    ended = place.hil("run", *SMALL, "--plan", str(place.plan(IDS)), "--out", "runs/all", "--jobs", "2")
    assert ended.returncode == 0, ended
    stored = {one["id"]: one["trace"] for one in _campaign(place.runs / "runs" / "all")["scenarios"]}
    for scenario, verdict in IDS.items():
        ended = place.hil("replay", scenario)
        assert (ended.returncode, ended.stderr) == (0, ""), ended
        assert ended.stdout.splitlines()[-3:] == [
            f"verdict: {verdict}, expected {verdict}",
            "stored verdict: the same in runs/all",
            f"stored trace: the same, {stored[scenario]}",
        ]
    place.nothing_left()


def test_steps_of_a_replay(place: "Place") -> None:
    """Commands, events, terminal lines, strike, registers, rules and findings come in their order."""
    ended = place.hil("replay", CONTROL, *SMALL)
    assert ended.returncode == 0, ended
    parts = (
        f"{CONTROL} on 1 operational, 1 recovery, 0 failover units (processes), 8 keys",
        "$ auto-mk-rotate",
        "tke -> unit:2  generate.1 before",
        "| Delaying 30 seconds to allow server to discover new master key values",
        "C_WrapKey x6",
        "******* kill kms: kms@C_WrapKey.6-after",
        "at rest: what died is started again",
        "unit 1 OPERATIONAL  CURRENT Valid",
        "$ auto-mk-rotate",
        "the oracle looks",
        "rules applied: ",
        "commands: auto-mk-rotate",
        "finding: readable: key",
        "verdict: DATA_LOST, expected DATA_LOST",
        "stored verdict: none, no run was given",
    )
    place_in_text = 0
    for part in parts:
        place_in_text = ended.stdout.index(part, place_in_text) + len(part)
    assert "C_WrapKey.6 after" not in ended.stdout
    place.nothing_left()


def test_every_event_of_a_replay(place: "Place") -> None:
    """With --all each PKCS#11 call has a line of its own."""
    ended = place.hil("replay", "auto/kms@C_WrapKey.2-before/documented", *SMALL, "--all")
    assert ended.returncode == 0, ended
    assert "kms -> unit:1  C_WrapKey.1 after\n" in ended.stdout
    before, _, after = ended.stdout.partition("******* kill kms: kms@C_WrapKey.2-before\n")
    assert before.endswith("kms -> unit:1  C_WrapKey.2 before\n")
    assert after


def test_replay_that_differs(place: "Place") -> None:
    """Another verdict and another trace than the stored ones are told, and inconclusive."""
    scenario = "auto/tke@message1.1-after/documented"
    run = ("run", *SMALL, "--plan", str(place.plan({scenario: "RECOVERED"})), "--out", "one")
    assert place.hil(*run).returncode == 0
    file = place.runs / "one" / "results.jsonl"
    record = json.loads(file.read_text())
    file.write_text(json.dumps(record | {"verdict": "STUCK", "trace": "0" * 16}) + "\n")
    ended = place.hil("replay", scenario, "--run", "one")
    assert ended.returncode == 2, ended
    assert "verdict: RECOVERED, expected RECOVERED" in ended.stdout
    assert "stored verdict: different, STUCK in one" in ended.stdout
    assert f"stored trace: different, {'0' * 16} in one and {record['trace']} now" in ended.stdout
    ended = place.hil("replay", "auto/tke@setimm.9-after/documented", "--run", "one")
    assert ended.returncode == 2, ended
    assert "not fired: tke@setimm.9-after" in ended.stdout
    assert "stored verdict: none in one" in ended.stdout


@pytest.mark.long
@pytest.mark.slow
def test_shrink(place: "Place") -> None:
    """A loss with a second fault that did nothing becomes one fault, as early as it loses keys, proven."""
    first = "auto/kms@C_WrapKey.7-after~tke@generate.1-after/rerun-after-message-1"
    ended = place.hil("shrink", first, *SMALL)
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    *tries, found, proof, again = ended.stdout.splitlines()[1:]
    assert tries[0].split()[2:4] == ["from", "DATA_LOST"]
    smallest = found.rpartition(" ")[2]
    assert "~" not in smallest
    assert any("kept" in line and line.endswith(f" {smallest}") for line in tries)
    assert f"smallest after {len(tries) - 1} tries" in found
    assert proof == "played once more: the same verdict and trace"
    assert again == f"again: hil replay {smallest} " + " ".join(
        (*SMALL[2:6], "--failover", "0", *SMALL[6:], *SMALL[:2])
    )
    ended = place.hil(*again.split()[2:])
    assert ended.returncode == 0, ended
    ended = place.hil("shrink", first, *SMALL, "--tries", "1")
    assert "smallest after 1 tries" in ended.stdout
    place.nothing_left()


def test_nothing_to_shrink(place: "Place") -> None:
    """A fault that did not fire is told at once."""
    ended = place.hil("shrink", "auto/tke@setimm.9-after/documented", *SMALL)
    assert ended.returncode == 2, ended
    assert "nothing to shrink: the verdict is NOT_FIRED; tke@setimm.9-after did not fire" in ended.stdout


def test_recheck(place: "Place") -> None:
    """Edited evidence changes the verdict and the exit code; the folder is as it was."""
    scenario = "auto/tke@message1.1-after/documented"
    run = ("run", *SMALL, "--plan", str(place.plan({scenario: "RECOVERED"})), "--out", "one")
    assert place.hil(*run).returncode == 0
    ended = place.hil("recheck", "one")
    assert ended.returncode == 0, ended
    assert ended.stdout.startswith("no verdicts changed, 1 of 1 scenarios judged again\nPASS")
    file = place.runs / "one" / "scenarios" / "1" / "observation.json"
    seen = json.loads(file.read_text())
    seen["after"][0]["new"]["state"] = "Full Committed"
    file.write_text(json.dumps(seen))
    campaign = (place.runs / "one" / "campaign.json").read_bytes()
    ended = place.hil("recheck", "one")
    assert ended.returncode == 1, ended
    assert f"RECOVERED -> STUCK, expected RECOVERED: {scenario}" in ended.stdout
    assert "  registers: unit 1: NEW is Full Committed" in ended.stdout
    assert (place.runs / "one" / "campaign.json").read_bytes() == campaign


@pytest.mark.long
@pytest.mark.slow
def test_merged_shards(place: "Place") -> None:
    """Two shards, each with a recording of its own, merge into what one unsharded run says, id by id."""
    chosen = ("run", *SMALL, "--profile", "smoke", "--only", "auto/unit*", "--jobs", "2")
    for name, shard in (("whole", "1/1"), ("one", "1/2"), ("two", "2/2")):
        ended = place.hil(*chosen, "--shard", shard, "--out", name)
        assert ended.returncode == 0, ended
    ended = place.hil("merge", "one", "two", "--out", "merged")
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    assert ended.stdout.endswith("PASS: every scenario ended as documented\nreport: merged/report.html\n")
    whole, merged = _campaign(place.runs / "whole"), _campaign(place.runs / "merged")
    assert len(whole["scenarios"]) > 4
    for name in ("id", "verdict", "trace", "keys", "recovery", "as_documented"):
        assert [one[name] for one in merged["scenarios"]] == [one[name] for one in whole["scenarios"]]
    for head in (whole, merged):
        assert head["environment"].pop("started") < head["environment"].pop("ended")
    chance = ("seconds", "scenarios_per_second", "scenarios")
    assert {name: merged[name] for name in whole if name not in chance} == {
        name: whole[name] for name in whole if name not in chance
    }
    ended = place.hil("merge", "two", "--out", "half")
    assert ended.returncode == 2, ended
    assert "is a shard missing?" in ended.stdout
