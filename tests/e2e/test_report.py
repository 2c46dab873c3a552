"""``hil report``: the reports of a run directory anew, finished or not."""

from pathlib import Path

import pytest

from hil.cli import main
from hil.engine.rundir import RunDir
from hil.model.scenario import Scenario, not_judged
from hil.model.verdicts import Verdict

PLAN = [
    Scenario.parse(text, Verdict.RECOVERED)
    for text in ("auto/tke@commit.1-after/documented", "auto/tke@setimm.1-after/documented")
]


@pytest.fixture
def unfinished(tmp_path: Path) -> Path:
    """A run directory with a plan of two and one result, as a killed campaign leaves it."""
    rundir = RunDir.create(tmp_path / "broken-off")
    rundir.write_plan(PLAN)
    rundir.add_result(1, not_judged(PLAN[0], "documented", "the power went"))
    return rundir.path


def test_unfinished(unfinished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A campaign without an end has its reports written, and stays one that can be gone on with."""
    results = (unfinished / "results.jsonl").read_text()
    assert main(["report", str(unfinished)]) == 0
    assert capsys.readouterr().out == f"{unfinished / 'report.html'}\n"
    assert "Unfinished: 1 of 2 scenarios have a result." in (unfinished / "report.html").read_text()
    assert (unfinished / "junit.xml").exists()
    assert (unfinished / "results.jsonl").read_text() == results
    assert not (unfinished / "campaign.json").exists()


def test_against(unfinished: Path, tmp_path: Path) -> None:
    """With --against the page says which verdicts changed since."""
    earlier = RunDir.create(tmp_path / "earlier")
    earlier.write_plan(PLAN)
    assert main(["report", str(unfinished), "--against", str(earlier.path)]) == 0
    text = (unfinished / "report.html").read_text()
    assert "Against earlier" in text
    assert "1 are new" in text


@pytest.mark.parametrize("argv", [["report", "nowhere"], ["report", "broken-off", "--against", "nowhere"]])
def test_no_run_directory(
    unfinished: Path, argv: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is no run directory is refused in one line, and nothing is written."""
    monkeypatch.chdir(unfinished.parent)
    assert main(argv) == 64
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert "nowhere is not there; 'hil run' makes a run directory" in said.err
    assert not (unfinished / "report.html").exists()


def test_a_report_that_cannot_be_written(unfinished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is complained of once, and the others are there."""
    (unfinished / "report.html").mkdir()
    assert main(["report", str(unfinished)]) == 64
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert "report.html was not written" in said.err
    assert (unfinished / "summary.md").exists()
