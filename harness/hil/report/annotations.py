"""Annotations on a GitHub run: workflow commands on standard output, and a summary on the page of the job.

Format: https://docs.github.com/actions/reference/workflow-commands-for-github-actions. The runner shows ten
errors and ten warnings a step, so what was contradicted comes before what was not found out.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from hil.engine.stored import Stored
from hil.model.verdicts import Verdict
from hil.report.console import again, ended

SHOWN_MAX = 10
LEVELS = {Verdict.NOT_FIRED: "warning"}  # nothing was learned; everything else is an error
SUMMARY = "summary.md"


def running_there() -> bool:
    """Whether a runner of GitHub Actions reads what is printed."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def annotations(stored: Stored) -> Iterator[str]:
    """Yield a workflow command for each scenario that did not end as documented, errors first."""
    lines: dict[str, list[str]] = {"error": [], "warning": []}
    for result in stored.results.values():
        if not result.as_documented:
            level = LEVELS.get(result.verdict, "error")
            findings = [f"{finding.check}: {finding.text}" for finding in result.findings[:3]]
            text = "\n".join((result.scenario.id, *findings, again(result, stored.path)))
            lines[level].append(f"::{level} title={_property(ended(result))}::{_data(text)}")
    differing = (
        f"::warning title=not repeatable::{_data(f'two plays of {name} differ')}" for name in stored.differing
    )
    yield from lines["error"][:SHOWN_MAX]
    yield from [*lines["warning"], *differing][:SHOWN_MAX]


def add_summary(run_dir: Path) -> Iterator[str]:
    """Append summary.md to what the page of the job shows, where there are both; yield what went wrong.

    The page is a runner's matter: that it takes nothing is no reason to end otherwise than the campaign did.
    """
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if page and (run_dir / SUMMARY).exists():
        text = (run_dir / SUMMARY).read_text(encoding="utf-8")
        try:
            with Path(page).open("a", encoding="utf-8") as stream:
                stream.write(text)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            yield f"{page}, the summary of this step, was not written: {why}"


def _data(text: str) -> str:
    """Escape what would end the command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
