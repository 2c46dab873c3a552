"""Annotations of a GitHub run: which scenarios get one, in which order, and how text is escaped."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from hil.engine.rundir import RunDir
from hil.engine.stored import Stored
from hil.model.scenario import Finding, Result, Scenario, not_judged
from hil.model.verdicts import Verdict
from hil.report.annotations import SHOWN_MAX, add_summary, annotations

Told = Callable[[Sequence[Result]], list[str]]


def _result(number: int, verdict: Verdict, finding: str = "") -> Result:
    scenario = Scenario.parse(f"auto/tke@line.{number}-after/documented", Verdict.RECOVERED)
    blank = not_judged(scenario, "documented", "")
    fired = verdict is not Verdict.NOT_FIRED
    return replace(blank, verdict=verdict, fired=(fired,), findings=(Finding("rows", finding),))


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """What a runner would read of a campaign with these results."""

    def tell(results: Sequence[Result]) -> list[str]:
        rundir = RunDir.create(tmp_path / "run")
        rundir.write_plan(result.scenario for result in results)
        for number, result in enumerate(results, start=1):
            rundir.add_result(number, result)
        return list(annotations(Stored.read(rundir.path)))

    return tell


def test_nothing_to_say(told: Told) -> None:
    """A campaign that went as documented annotates nothing."""
    assert told([_result(1, Verdict.RECOVERED)]) == []


def test_a_loss(told: Told) -> None:
    """An annotation is one line: title, id, finding and replay; what would end the command is escaped."""
    (line,) = told([_result(1, Verdict.DATA_LOST, "100%\nlost")])
    head, _, text = line.partition("::")[2].partition("::")
    assert head == "error title=DATA_LOST%2C expected RECOVERED"
    assert text.startswith("auto/tke@line.1-after/documented%0Arows: 100%25%0Alost%0Aagain: hil replay ")


def test_contradictions_first(told: Told) -> None:
    """What was contradicted comes before what was not found out, each as often as a runner shows it."""
    many = [_result(number, Verdict.NOT_FIRED) for number in range(1, 21)]
    lines = told([*many, *(_result(number, Verdict.STUCK) for number in range(21, 41))])
    levels = [line.partition(" ")[0] for line in lines]
    assert levels == ["::error"] * SHOWN_MAX + ["::warning"] * SHOWN_MAX


def test_summary_of_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """summary.md is added to what the page of the job has already."""
    page = tmp_path / "page.md"
    page.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    assert list(add_summary(tmp_path)) == []
    assert page.read_text() == "before\n"
    (tmp_path / "summary.md").write_text("# PASS\n")
    assert list(add_summary(tmp_path)) == []
    assert page.read_text() == "before\n# PASS\n"
