"""The reports of a system under test, written from what stands in its run directory."""

from functools import partial
from pathlib import Path

from hil.report.write import PAGE, write
from hil.targets.program import page, report
from hil.targets.program.stored import SutRun


def write_all(run_dir: Path, against: Path | None = None) -> tuple[str, ...]:
    """Write every report, finished or not; return a line for each that could not be written.

    Raises BadRunDir and BadProfile where the run directory cannot be read.
    """
    run = SutRun.read(run_dir)
    earlier = SutRun.read(against) if against else None
    reports = (
        ("junit.xml", report.document),
        (PAGE, partial(page.document, against=earlier)),
        ("summary.md", report.summary),
    )
    complaints = (write(run_dir / name, make, run) for name, make in reports)
    return tuple(complaint for complaint in complaints if complaint)
