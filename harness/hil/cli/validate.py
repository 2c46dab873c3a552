"""``hil validate``: what a procedure from outside does to the keys, from every crash state."""

import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

import click

from hil.cli import options
from hil.cli.campaign import played
from hil.engine.campaign import Campaign
from hil.engine.rundir import RunDir
from hil.engine.stored import Stored
from hil.model.verdicts import EXIT_OF_GATE
from hil.report import console
from hil.report.live import Live
from hil.targets.hpcs.operator import book as bookshelf
from hil.targets.hpcs.operator import check
from hil.targets.hpcs.operator.book import Book
from hil.targets.hpcs.play import benches
from hil.targets.hpcs.play.profiles import PROFILES
from hil.targets.hpcs.rig import preflight
from hil.targets.hpcs.rig.modules.equipment import Wanted
from hil.targets.hpcs.target import HpcsTarget
from hil.targets.hpcs.tools.validate import plan, words

NAME = "validate"


@click.command(
    epilog=options.examples(
        "hil validate --procedure examples/procedures/right.toml",
        "hil validate --procedure mine.toml --every --out runs/mine",
    )
)
@click.option(
    "--procedure",
    type=options.NamedPath(dir_okay=False),
    required=True,
    help="The procedure, a TOML file; 'hil procedure check' says what is wrong with it.",
)
@click.option(
    "--profile",
    type=click.Choice(list(PROFILES)),
    default="default",
    show_default=True,
    help="Size of the instance, and with --every the crash points.",
)
@click.option("--every", is_flag=True, help="From every crash point, not from one for each crash state.")
@options.equipment
@options.size
@options.jobs
@options.folder(
    "--out", "out", None, "Run directory; an unfinished one is gone on with.  [default: runs/TIME]"
)
def validate(
    *,
    procedure: Path,
    profile: str,
    every: bool,
    wanted: Wanted,
    jobs: int,
    out: Path | None,
    **size: int | None,
) -> int:
    """Play a procedure from every crash state and say where it preserves the keys.

    Exit code 0 where every key came back each time.
    """
    followed, content = bookshelf.read(procedure)
    options.complain(f"{procedure}:{doubt.line}: {doubt.text}" for doubt in check.doubts(content))
    stamp = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{NAME}-{uuid.uuid4().hex[:4]}"
    out = out or Path("runs") / stamp
    preflight.check_folder(out)
    equipment = wanted.chosen(watched=True)
    rundir = RunDir.create(out)
    rundir.keep_procedure(followed.name, content)
    benches.keep(rundir, equipment)
    played_as = plan.profile(followed, PROFILES[profile], every=every)
    shape = options.sized(played_as.shape, size)
    live = Live(sys.stdout)
    name = f"{NAME} --every --profile {profile}" if every else NAME  # the words that play it again
    with benches.bench(equipment, shape, out, Book((followed,))) as bench:
        campaign = Campaign(
            HpcsTarget(bench, name, played_as), rundir, jobs, live.on_result, entered=live.entered
        )
        outcome = played(campaign, equipment, live)
    table = words.write(Stored.read(out), followed, outcome.gate)
    for text in ("", *words.shown(table, out), *console.doubts(outcome), *console.tally(outcome, out)):
        print(text)
    print(f"the table: {out / words.MARKDOWN}")
    print(words.conclusion(table, outcome.gate))
    return EXIT_OF_GATE[outcome.gate]


COMMANDS = (validate,)
