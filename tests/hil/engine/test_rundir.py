"""The run directory: one writer, nothing written over, evidence that survives."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from hil.engine.errors import BadRunDir, RunDirBusy
from hil.engine.plan import Origin, read_origin, read_plan, write_plan
from hil.engine.rundir import RunDir, read_campaign, read_results
from hil.model.scenario import Scenario, not_judged
from hil.model.verdicts import Verdict
from hil.targets.hpcs.emulator import Shape
from tests.hil.engine.conftest import PLAN, Made, files

SCENARIOS = tuple(
    Scenario.parse(f"auto/{point}/documented", Verdict.RECOVERED)
    for point in ("none", "tke@commit.1-after", "tke@commit.1-after~unit1@setimm.1-before")
)


def test_one_writer(tmp_path: Path) -> None:
    """While one campaign holds the folder, another one is refused."""
    RunDir.create(tmp_path / "run")
    with pytest.raises(RunDirBusy, match="another campaign is writing to"):
        RunDir.create(tmp_path / "run")


def test_a_folder_that_cannot_be() -> None:
    """Where even root makes no folder, one line says so."""
    with pytest.raises(BadRunDir, match=r"/proc/run cannot be made: .*; choose another --out"):
        RunDir.create(Path("/proc/run"))


def test_latest(tmp_path: Path) -> None:
    """``latest`` points at the newest run, and is never missing in between."""
    for name in ("one", "two"):
        RunDir.create(tmp_path / name).point_latest()
        assert (tmp_path / "latest").resolve() == tmp_path / name
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "one", "two"]


def test_plan_round_trip(tmp_path: Path) -> None:
    """A plan is read back as it was written."""
    write_plan(tmp_path / "plan.jsonl", SCENARIOS)
    assert tuple(read_plan(tmp_path / "plan.jsonl")) == SCENARIOS


def test_results_are_kept_by_number(tmp_path: Path) -> None:
    """What has a result has it also for whoever opens the folder next."""
    rundir = RunDir.create(tmp_path / "run")
    assert rundir.plan() is None
    rundir.write_plan(SCENARIOS)
    for number in (3, 1):
        rundir.add_result(number, not_judged(SCENARIOS[number - 1], "documented", "of the test"))
    found = RunDir(tmp_path / "run").results()
    assert {number: record["id"] for number, record in found.items()} == {
        1: SCENARIOS[0].id,
        3: SCENARIOS[2].id,
    }


@pytest.mark.parametrize("cut", [1, 20, 10_000])
def test_a_line_that_was_cut_short_is_no_result(tmp_path: Path, cut: int) -> None:
    """Of a campaign that was killed while it wrote, the whole lines count, and the rest is written anew."""
    rundir = RunDir.create(tmp_path / "run")
    file = tmp_path / "run" / "results.jsonl"
    first, second = (not_judged(scenario, "documented", "of the test") for scenario in SCENARIOS[:2])
    rundir.add_result(1, first)
    whole = file.read_bytes()
    rundir.add_result(2, second)
    file.write_bytes(file.read_bytes()[: max(len(whole), file.stat().st_size - cut)])
    assert list(rundir.results()) == [1]
    rundir.add_result(2, second)
    assert list(rundir.results()) == [1, 2]


EQUIPMENT: dict[str, list[tuple[str | None, str | None]]] = {
    "backend": [("process", "docker")],
    "key store": [("one", None), (None, "one"), ("one", "other")],
    "PKCS#11 module": [("one", None), (None, "one"), ("one", "other")],
}


@pytest.mark.parametrize(
    ("what", "first", "then"), [(what, *pair) for what, pairs in EQUIPMENT.items() for pair in pairs]
)
def test_one_equipment(tmp_path: Path, what: str, first: str | None, then: str | None) -> None:
    """A run whose plan is frozen does not go on with another backend, key store or module."""

    def keep(text: str | None) -> None:
        backend, keystore, module = (text if name == what else "same" for name in EQUIPMENT)
        rundir.keep_equipment(str(backend), keystore, module)

    rundir = RunDir.create(tmp_path / "run")
    keep(then)
    keep(first)  # what was tried before there was a plan does not count
    rundir.write_plan(SCENARIOS)
    keep(first)
    before = files(rundir.path)
    with pytest.raises(RunDirBusy, match=f"was begun on another {what}; choose another --out"):
        keep(then)
    assert files(rundir.path) == before


def test_what_a_plan_was_made_for(tmp_path: Path) -> None:
    """A plan, and a part of it, says for which profile and how many units and keys its crash points are."""
    file, origin = tmp_path / "plan.jsonl", Origin("full", Shape(1, 1, 0, 8))
    write_plan(file, SCENARIOS, origin)
    file.write_text("".join(file.read_text().splitlines(keepends=True)[1:]))
    assert read_origin(file) == origin
    assert str(origin) == "profile full, 1 operational, 1 recovery, 0 failover, 8 keys"


def test_a_plan_of_two_plans(tmp_path: Path) -> None:
    """Scenarios for instances of two sizes cannot be played together."""
    one, two = tmp_path / "one", tmp_path / "two"
    write_plan(one, SCENARIOS, Origin("full", Shape(1, 1, 0, 8)))
    write_plan(two, SCENARIOS, Origin("full", Shape(2, 1, 0, 8)))
    one.write_text(one.read_text() + two.read_text())
    with pytest.raises(BadRunDir, match="several plans; play each plan by itself"):
        read_origin(one)


def test_latest_is_the_folder_that_one_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A campaign in '.' has a name as well."""
    (tmp_path / "run").mkdir()
    monkeypatch.chdir(tmp_path / "run")
    RunDir.create(Path()).point_latest()
    assert (tmp_path / "latest").resolve() == tmp_path / "run"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "campaign.json is damaged"),
        ('{"schema', "campaign.json is damaged"),
        ('{"schema_version": 2}', "has schema version 2, not 1; read it with its own hil"),
        (
            '{"schema_version": 1, "gate": "pass"}',
            "damaged: it lacks profile, units, keys, seconds, scenarios",
        ),
    ],
)
def test_campaign_that_cannot_be_read(tmp_path: Path, text: str, says: str) -> None:
    """It is named with what is wrong in it."""
    (tmp_path / "campaign.json").write_text(text)
    with pytest.raises(BadRunDir, match=says):
        read_campaign(tmp_path)


@pytest.mark.parametrize("line", ['{"number": 3, "id"', "5", "{}", "[]"])
def test_the_line_that_is_damaged(tmp_path: Path, line: str) -> None:
    """A result that cannot be read is named by its line."""
    (tmp_path / "results.jsonl").write_text(f'{{"number": 1}}\n{{"number": 2}}\n{line}\n')
    with pytest.raises(BadRunDir, match=r"results\.jsonl is damaged: line 3: "):
        read_results(tmp_path)


@pytest.mark.parametrize(
    ("head", "disturbed", "opened"),
    [
        ({"gate": "error"}, True, True),
        ({"gate": "error", "probes": []}, False, True),  # the worker was lost over them
        ({"gate": "error"}, False, False),  # the bench failed by itself
        ({"gate": "fail"}, True, False),
        ({"gate": "pass"}, False, False),
    ],
)
def test_a_finished_campaign_is_opened_again(
    made: Made, tmp_path: Path, head: dict[str, object], *, disturbed: bool, opened: bool
) -> None:
    """What only lacks what the machine has disturbed goes on with that; any other one stays as it is."""
    path = made("run", (1, 2), head)
    lost = replace(not_judged(PLAN[2], "forbidden", "a stall"), disturbed=("a stall",) if disturbed else ())
    RunDir(path).add_result(3, lost)
    shutil.copytree(path, tmp_path / "same")  # this process holds the lock of the other
    before = files(tmp_path / "same")
    if not opened:
        with pytest.raises(RunDirBusy, match="holds a finished campaign; choose another --out or remove it"):
            RunDir.create(tmp_path / "same")
        assert files(tmp_path / "same") == before
        return
    rundir = RunDir.create(tmp_path / "same")
    assert not (rundir.path / "campaign.json").exists()
    assert list(rundir.results()) == ([1, 2] if disturbed else [1, 2, 3])
