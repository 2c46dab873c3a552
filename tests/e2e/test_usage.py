"""Bad input of the command line: one line that says what to do, exit code 64, nothing left behind."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.cli import main
from hil.engine.plan import Origin, write_plan
from hil.engine.rundir import FIELDS, SCHEMA_VERSION, RunDir
from hil.model.scenario import Scenario, not_judged
from hil.model.verdicts import Gate, Verdict
from hil.targets.hpcs.emulator import Shape

if TYPE_CHECKING:
    from tests.e2e.conftest import Place

Refuse = Callable[..., str]
SCENARIO = Scenario.parse("auto/none/documented", Verdict.RECOVERED)
RESULT = json.dumps({"number": 1} | not_judged(SCENARIO, "documented", "of the test").record())


@pytest.fixture
def refuse(
    tmp_path: Path, place: "Place", monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Refuse:
    """Run ``hil`` in an empty folder; return what it says, made sure to be one line and all that it left."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HIL_TMP", str(place.scratch))

    def run(*argv: str) -> str:
        before = _tree(tmp_path)
        assert main(argv) == 64
        said = capfd.readouterr()
        assert said.out == ""
        assert said.err.count("\n") == 1
        assert said.err.startswith("hil: ")
        assert _tree(tmp_path) == before
        assert not _tree(place.scratch)
        return said.err

    return run


def _tree(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["run", "--frobnicate"], "--frobnicate"),
        (["ruin"], "ruin"),
        ([], "hil --help"),
        (["run", "too", "much"], "unexpected extra argument"),
        (["run", "--keys", "many"], "'many' is not a valid integer range"),
        (["run", "--keys", "7"], "8<=x<=50000"),
        (["run", "--keys", "50001"], "8<=x<=50000"),
        (["run", "--operational", "4"], "1<=x<=3"),
        (["run", "--recovery", "0"], "1<=x<=2"),
        (["run", "--failover", "2"], "0<=x<=1"),
        (["run", "--jobs", "0"], "1<=x<=64"),
        (["run", "--keys"], "requires an argument"),
        (["run", "--profile", "everything"], "'documented'"),
        (["run", "--backend", "qemu"], "'process'"),
        (["run", "--keystore", "oracle"], "'oracle' is neither sqlite nor postgresql"),
        (["run", "--keystore", "postgresql://kms:sesame@db/"], "put it into PGPASSWORD"),
        (["plan", "--keystore", "postgresql://kms@/?host=/nowhere"], "no database server: "),
        (["plan", "--out", "no/such/plan.jsonl"], "plan.jsonl cannot be written: No such file or directory"),
        (["up", "--operational", "0"], "1<=x<=3"),
        (["validate", "--procedure", "p.toml", "--keystore", "oracle"], "'oracle' is neither sqlite nor"),
        (["up", "--keystore", "postgresql://kms:sesame@db/"], "put it into PGPASSWORD"),
        (["up", "--keystore", "postgresql://kms@/?host=/nowhere"], "no database server: "),
        (["up", "--module-profile", "absent.toml"], "absent.toml: No such file or directory; name a profile"),
        (["up", "--module-profile", "x.toml", "--backend", "docker"], "use --backend process"),
        (["drill", "--module-profile", "absent.toml"], "absent.toml: No such file or directory"),
        (["drill", "--check", "--keystore", "sqlite"], "--check is about a drill that is there"),
        (["drill", "--end", "--keys", "9"], "--end is about a drill that is there"),
        (["bench", "--keystore", "postgresql://kms@/?host=/nowhere"], "no database server: "),
        (["bench", "--module-profile", "absent.toml", "--kill"], "absent.toml: No such file or directory"),
        (["bench", "--backend", "docker"], "No such option '--backend'"),
        (["replay", "auto/none/documented", "--module-profile", "absent.toml"], "absent.toml: No such file"),
        (["shrink", "auto/none/documented", "--keystore", "oracle"], "'oracle' is neither sqlite nor"),
        (["status", "--dir", "nowhere"], "start one: hil up --dir"),
        (["down", "--dir", "nowhere"], "start one: hil up --dir"),
        (["replay"], "Missing argument 'ID'"),
        (["replay", "commit"], "'commit' is no scenario id: FLOW/CRASH-POINT"),
        (["replay", "auto/tke@commit/documented"], "VICTIM@EVENT.ORDINAL-before|after"),
        (["replay", "auto/none/by-heart"], "there is no procedure 'by-heart', known are: clear-as"),
        (["replay", "auto/none/documented", "--run", "nowhere"], "nowhere is not there"),
        (["replay", "auto/none/documented", "--run", "x", "--keys", "8"], "the size is that of --run"),
        (
            ["replay", "auto/unit6@setimm.1-after/documented", "--keys", "8"],
            "and none is unit6; give the numbers",
        ),
        (["replay", "auto/db@sql-commit.1-after/documented"], "no database server to kill; add --keystore"),
        (["shrink", "auto/none"], "is no scenario id"),
        (["shrink", "auto/none/documented", "--tries", "0"], "1<=x<=1000"),
        (["drill", "--check", "--dir", "nowhere"], "start one: hil drill --dir"),
        (["drill", "--end", "--dir", "nowhere"], "start one: hil drill --dir"),
        (["drill", "--seed", "-1"], "x>=0"),
        (["drill", "--delay", "601"], "0<=x<=600"),
        (["completion", "tcsh"], "'bash', 'zsh', 'fish'"),
        (["recheck", "nowhere"], "nowhere is not there; 'hil run' makes a run directory"),
        (["merge", "--out", "whole"], "Missing argument 'DIR...'"),
        (["merge", "one", "two"], "Missing option '--out'"),
        (["merge", "one", "two", "--out", "whole"], "one is not there"),
    ],
)
def test_bad_argument(refuse: Refuse, argv: Sequence[str], says: str) -> None:
    """What was typed wrong is named, with what fits or what to type instead."""
    assert says in refuse(*argv)


@pytest.mark.parametrize("command", ["run", "up"])
def test_no_engine(refuse: Refuse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str) -> None:
    """Where no engine answers and containers were asked for, the line says how to get on."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    assert "run 'make engine', or use --backend process" in refuse(command, "--backend", "docker")


@pytest.mark.parametrize(("command", "option"), [("run", "--out"), ("up", "--dir")])
@pytest.mark.parametrize("where", ["file", "file/below"])
def test_a_file_where_a_folder_should_be(
    refuse: Refuse, tmp_path: Path, command: str, option: str, where: str
) -> None:
    """A file is not taken for a folder, nor for the parent of one."""
    (tmp_path / "file").write_text("mine")
    assert str(tmp_path / "file") in refuse(command, "--backend", "process", option, str(tmp_path / where))


def test_folder_taken(refuse: Refuse, tmp_path: Path) -> None:
    """A folder that holds something else is left alone."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("irreplaceable")
    said = refuse("up", "--backend", "process", "--dir", str(tmp_path / "mine"))
    assert "is not empty; choose another --dir" in said


@pytest.mark.parametrize("command", ["status", "down"])
def test_no_instance_below_a_file(refuse: Refuse, tmp_path: Path, command: str) -> None:
    """Below a file there is no instance."""
    (tmp_path / "file").write_text("mine")
    assert "start one: hil up" in refuse(command, "--dir", str(tmp_path / "file" / "below"))


@pytest.mark.parametrize("command", ["status", "down", "up"])
def test_damaged_record(refuse: Refuse, tmp_path: Path, command: str) -> None:
    """A record that cannot be read is named and left alone."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "hil.json").write_text("{")
    assert "hil.json is damaged" in refuse(command, "--dir", str(tmp_path / "mine"))


def test_run_directory_in_use(refuse: Refuse, tmp_path: Path) -> None:
    """A second campaign in the same folder is refused while the first one lives."""
    RunDir.create(tmp_path / "run")
    said = refuse("run", "--backend", "process", "--out", str(tmp_path / "run"))
    assert f"another campaign is writing to {tmp_path}/run; choose another --out" in said


SCENARIO = Scenario.parse("auto/none/documented", Verdict.RECOVERED)


@pytest.mark.parametrize("contradiction", [("--profile", "smoke"), ("--recovery", "2"), ("--keys", "9")])
def test_plan_of_another_size(refuse: Refuse, tmp_path: Path, contradiction: tuple[str, str]) -> None:
    """Crash points of one size of instance are not played on another."""
    write_plan(tmp_path / "plan.jsonl", [SCENARIO], Origin("full", Shape(1, 1, 0, 8)))
    said = refuse("run", "--backend", "process", "--plan", str(tmp_path / "plan.jsonl"), *contradiction)
    assert "was made for profile full, 1 operational, 1 recovery, 0 failover, 8 keys; leave --profile" in said


def test_another_plan_than_it_was_begun_with(refuse: Refuse, tmp_path: Path) -> None:
    """A broken-off run does not go on with scenarios that are not its own."""
    (tmp_path / "run" / "scenarios").mkdir(parents=True)
    for name in ("lock", "results.jsonl"):
        (tmp_path / "run" / name).touch()
    RunDir(tmp_path / "run").write_plan([SCENARIO])
    write_plan(
        tmp_path / "plan.jsonl", [SCENARIO, Scenario.parse("parts/none/documented", Verdict.RECOVERED)]
    )
    said = refuse(
        "run", "--backend", "process", "--plan", str(tmp_path / "plan.jsonl"), "--out", str(tmp_path / "run")
    )
    assert "was begun with another plan; choose another --out" in said


def test_finished_run(refuse: Refuse, tmp_path: Path) -> None:
    """Evidence of a finished campaign is not written over."""
    (tmp_path / "run").mkdir()
    head = dict.fromkeys(FIELDS) | {"schema_version": SCHEMA_VERSION, "gate": Gate.PASS}
    (tmp_path / "run" / "campaign.json").write_text(json.dumps(head))
    (tmp_path / "run" / "results.jsonl").write_text(f"{RESULT}\n")
    (tmp_path / "run" / "lock").touch()
    said = refuse("run", "--backend", "process", "--out", str(tmp_path / "run"))
    assert "holds a finished campaign; choose another --out or remove it" in said


def test_scratch_place_that_does_not_exist(
    refuse: Refuse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A HIL_TMP that is no folder is named."""
    monkeypatch.setenv("HIL_TMP", str(tmp_path / "nowhere"))
    assert "HIL_TMP" in refuse("run", "--backend", "process")
    assert "HIL_TMP" in refuse("up", "--backend", "process")


def test_scratch_place_that_is_too_long(
    refuse: Refuse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A HIL_TMP below which no socket can be bound is refused before anything is started."""
    deep = tmp_path / ("long" * 30)
    deep.mkdir()
    monkeypatch.setenv("HIL_TMP", str(deep))
    assert "HIL_TMP" in refuse("run", "--backend", "process")
    assert "HIL_TMP" in refuse("up", "--backend", "process")


@pytest.mark.parametrize("argv", [["--help"], ["run", "--help"], ["up", "-h"], ["--version"]])
def test_help(capfd: pytest.CaptureFixture[str], argv: Sequence[str]) -> None:
    """Asking for help is no error."""
    assert main(argv) == 0
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty; 'hil plan --out FILE' makes a plan"),
        ("[1]\n", "plan.jsonl:1: no line of a plan: a list is not a table"),
        ("5\n", "plan.jsonl:1: no line of a plan: a number is not a table"),
        ('{"id": null, "expected": "RECOVERED"}\n', "a plan: id: null is not a text"),
        ('{"id": "auto/none/documented"}\n', "a plan: the key 'expected' is missing: the verdict"),
        (
            '{"id": "auto/none/documented", "expected": "FINE"}\n',
            "a plan: expected: unknown value 'FINE', use RECOVERED",
        ),
        ('{"id": "auto/unit6@setimm.1-after/documented", "expected": "RECOVERED"}\n', "none is unit6"),
        (
            '{"id": "auto/db@sql-commit.1-after/documented", "expected": "RECOVERED"}\n',
            "--keystore postgresql",
        ),
    ],
)
def test_plan_that_cannot_be_played(refuse: Refuse, tmp_path: Path, text: str, says: str) -> None:
    """What is no plan, or one of another instance, is told before a folder is made."""
    (tmp_path / "plan.jsonl").write_text(text)
    argv = (
        "run",
        "--backend",
        "process",
        "--plan",
        str(tmp_path / "plan.jsonl"),
        "--out",
        str(tmp_path / "run"),
    )
    assert says in refuse(*argv)


def test_more_shards_than_scenarios(refuse: Refuse, place: "Place", tmp_path: Path) -> None:
    """A shard in which there would be nothing is refused: a campaign without a scenario proves nothing."""
    plan = place.plan({"auto/none/documented": "RECOVERED"})
    said = refuse("run", "--plan", str(plan), "--shard", "1/2", "--out", str(tmp_path / "run"))
    assert "1 scenarios are too few for 2 shards" in said


@pytest.mark.parametrize("folder", ["", ".", "full"])
def test_folder_of_something_else(refuse: Refuse, tmp_path: Path, folder: str) -> None:
    """A campaign is not put among other files, also not where --out is empty."""
    (tmp_path / "here" / "full").mkdir()
    (tmp_path / "here" / "full" / "thesis.txt").write_text("irreplaceable")
    said = refuse("run", "--backend", "process", "--out", folder)
    assert "holds something else than a campaign; choose another --out" in said


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"number": 1, "id"', "results.jsonl is damaged"),
        ("5", "results.jsonl is damaged"),
        ('{"number": 1, "id": "auto/none/documented"}', "cannot be read"),
        (
            RESULT.replace('"number": 1', '"number": 99'),
            "result 99 (auto/none/documented) is not that of its plan",
        ),
        (RESULT.replace('"number": 1', '"number": 2'), "was begun with another shard; choose another --out"),
    ],
)
def test_going_on_from_what_is_damaged(refuse: Refuse, tmp_path: Path, line: str, says: str) -> None:
    """A run with a result that cannot be true is not gone on with: it would count."""
    run = RunDir.create(tmp_path / "run")
    run.write_plan([SCENARIO] * 4)
    (tmp_path / "run" / "results.jsonl").write_text(f"{line}\n")
    said = refuse("run", "--backend", "process", "--shard", "2/2", "--out", str(tmp_path / "run"))
    assert says in said
