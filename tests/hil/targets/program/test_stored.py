"""Run directories of systems under test, read by others than the campaign that wrote them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from hil.cli import main
from hil.engine.errors import BadRunDir, RunDirBusy
from hil.model.verdicts import Exit
from hil.targets.program.profile import ProgramProfile
from hil.targets.program.stored import SutRun, begin, discard


class Done(Protocol):
    """A campaign that has come to its end, and its run directory (conftest.py)."""

    folder: Path


@pytest.fixture
def run(done: Callable[[str], Done], tmp_path: Path) -> Path:
    """A copy of the run directory of a careless tool, for tests that change it."""
    return Path(shutil.copytree(done("careless").folder, tmp_path / "run"))


def test_the_contract(run: Path) -> None:
    """A result has the fields of campaign.json, its folder what was seen before, at the crash and after."""
    record = next(one for one in SutRun.read(run).records.values() if one["verdict"] == "DATA_LOST")
    assert record["messages"] == record["messages_at_crash"] == {"rotated": False}
    assert record["rules"] == ["a command has ended killed: rotate"]
    assert record["state_at_crash"] == {"units": [], "rows": {"current": 1, "new": 0, "unreadable": 1}}
    number = json.loads((run / "plan.jsonl").read_text().splitlines()[0])["number"]
    seen = json.loads((run / "scenarios" / str(number) / "observation.json").read_text())
    assert [sight["keys"] for sight in seen.values()] == [
        {"a": "old", "b": "old"},
        *[{"a": "new", "b": "new"}] * 2,
    ]


def test_the_profile_goes_along(run: Path) -> None:
    """The copy in the run directory is a profile that needs nothing from where it came from."""
    profile = SutRun.read(run).profile
    assert profile.path.parent == run.resolve() / "sut"
    assert [part.name for part in profile.parts] == ["tool.py", "toy.toml"]


def test_reports_written_anew(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All three reports are written, and compared with an earlier run."""
    earlier = Path(shutil.copytree(run, run.with_name("earlier")))
    lines = [json.loads(line) for line in (earlier / "results.jsonl").read_text().splitlines()]
    for line in lines:
        line |= {"verdict": "RECOVERED", "as_documented": True}
    (earlier / "results.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    lost = sum(one["verdict"] == "DATA_LOST" for one in SutRun.read(run).records.values())
    assert main(["report", str(run), "--against", str(earlier)]) == Exit.AS_DOCUMENTED
    assert capsys.readouterr().out == f"{run}/report.html\n"
    told = f"{lost} of {len(lines)} scenarios that both have end otherwise"
    assert told in (run / "report.html").read_text()
    assert (run / "junit.xml").read_text().count("<failure") == lost + 1
    assert "# FAIL" in (run / "summary.md").read_text()


def test_what_is_damaged_is_named(run: Path) -> None:
    """A result that is not that of its plan, and a missing profile, are refused."""
    results = (run / "results.jsonl").read_text().replace('"number": 1,', '"number": 99,', 1)
    (run / "results.jsonl").write_text(results)
    with pytest.raises(BadRunDir, match=r"result 99 .* is not that of its plan"):
        SutRun.read(run)
    (run / "sut" / "toy.toml").unlink()
    with pytest.raises(BadRunDir, match="0 profiles in place of one"):
        SutRun.read(run)


def test_other_commands_say_what_reads_it(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A command for rotations of this bench refuses it in one line, with the commands that do not."""
    assert main(["recheck", str(run)]) == Exit.USAGE
    assert "was made by 'hil sut run'; 'hil report' and 'hil bundle' read it" in capsys.readouterr().err


def test_a_run_directory_is_begun_once(
    toy: Callable[[str], ProgramProfile], run: Path, tmp_path: Path
) -> None:
    """A folder with a campaign in it is left alone; one that came to nothing goes, with the profile in it."""
    with pytest.raises(RunDirBusy, match="holds a campaign already"):
        begin(run, toy("careful"))
    fresh = begin(tmp_path / "fresh", toy("careful"))
    assert (tmp_path / "fresh" / "sut" / "tool.py").exists()
    discard(fresh)
    assert not (tmp_path / "fresh").exists()
