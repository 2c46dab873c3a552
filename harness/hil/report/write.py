"""All reports of a run directory, written from what stands in it: also of a campaign that was broken off.

One that cannot be written keeps neither the others nor the exit code of the campaign from anybody: it is told
in a line, and the evidence that it is made from is there still.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from hil.engine.rundir import PLAN
from hil.engine.stored import Stored
from hil.report import junit, summary
from hil.report.html import page

T = TypeVar("T")
PAGE = "report.html"


def write_all(run_dir: Path, against: Stored | None = None) -> tuple[str, ...]:
    """Write every report of a run directory; return a line for each that could not be written.

    ``against``: an earlier run, the page tells what has changed since.
    A campaign that has no plan yet has nothing to report, and gets none.
    """
    if not (run_dir / PLAN).exists():
        return ()
    try:
        stored = Stored.read(run_dir)
    except Exception as error:
        return (f"no report was written: {error}",)
    reports = (
        ("junit.xml", junit.document),
        (PAGE, partial(page.document, against=against)),
        ("summary.md", summary.document),
    )
    complaints = (write(run_dir / name, make, stored) for name, make in reports)
    return tuple(complaint for complaint in complaints if complaint)


def write(path: Path, make: Callable[[T], str], stored: T) -> str:
    """Replace one report as a whole, so that who reads it meanwhile never sees half of it.

    Returns what went wrong in a line, or nothing.
    """
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        # "replace": a text that a broken peer sent may hold what no encoding can
        temporary.write_text(make(stored), encoding="utf-8", errors="replace")
        temporary.replace(path)
    except Exception as error:
        temporary.unlink(missing_ok=True)
        return f"{path} was not written: {type(error).__name__}: {error}"
    return ""
