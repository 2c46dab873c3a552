"""``hil report``: the reports of a run directory written anew."""

import sys
from functools import partial
from pathlib import Path

import click

from harness.campaign.stored import Stored
from harness.cli import options
from harness.model.verdicts import Exit
from harness.report import write
from harness.report.html import page


@click.command(epilog=options.examples("hil report runs/latest", "hil report runs/new --against runs/old"))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@options.folder(
    "--against", "against", None, "An earlier run directory: report.html then says which verdicts changed."
)
def report(*, folder: Path, against: Path | None) -> int:
    """Write the reports of a run directory anew, finished or not; nothing is played or judged again."""
    stored = Stored.read(folder)
    document = partial(page.document, against=Stored.read(against) if against else None)
    complaints = [*write.write_all(folder), write.write(folder / write.PAGE, document, stored)]
    for complaint in filter(None, complaints):
        print(f"hil: {complaint}", file=sys.stderr)
    if any(complaints):
        return Exit.USAGE
    print(folder / write.PAGE)
    return Exit.AS_DOCUMENTED


COMMANDS = (report,)
