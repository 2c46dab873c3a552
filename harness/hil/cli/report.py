"""``hil report``: the reports of a run directory written anew."""

import sys
from pathlib import Path

import click

from hil.cli import options
from hil.engine.stored import Stored
from hil.model.verdicts import Exit
from hil.report import write
from hil.targets.program.stored import is_run
from hil.targets.program.write import write_all as write_sut


@click.command(epilog=options.examples("hil report runs/latest", "hil report runs/new --against runs/old"))
@click.argument("folder", metavar="DIR", type=options.NamedPath())
@options.folder(
    "--against", "against", None, "An earlier run directory: report.html then says which verdicts changed."
)
def report(*, folder: Path, against: Path | None) -> int:
    """Write the reports of a run directory anew, finished or not; nothing is played or judged again."""
    complaints = write_sut(folder, against) if is_run(folder) else _rotation(folder, against)
    for complaint in complaints:
        print(f"hil: {complaint}", file=sys.stderr)
    if complaints:
        return Exit.USAGE
    print(folder / write.PAGE)
    return Exit.AS_DOCUMENTED


def _rotation(folder: Path, against: Path | None) -> tuple[str, ...]:
    Stored.read(folder)  # a folder that is no run directory gets no reports
    return write.write_all(folder, Stored.read(against) if against else None)


COMMANDS = (report,)
