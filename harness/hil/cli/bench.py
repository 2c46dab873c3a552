"""``hil bench``: figures of this machine."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import click

from hil.cli import options
from hil.targets.hpcs.rig.modules.equipment import PROCESS, Wanted
from hil.targets.hpcs.tools.bench import measure, table


@click.command(
    epilog=options.examples(
        "hil bench",
        "hil bench --quick --json",
        "hil bench --keys 50000 --kill",
        "hil bench --quick --module-profile examples/hil-nss.toml --keystore postgresql",
    )
)
@click.option("--quick", is_flag=True, help="A minute instead of many: see that it works, trust no figure.")
@options.as_json
@click.option(
    "--keys", type=click.IntRange(200, options.KEYS_MAX), default=None, help="Size of the largest key store."
)
@click.option("--kill", is_flag=True, help="Only rotate the largest key store with kills in between.")
@click.option(
    "--peer",
    type=options.NamedPath(exists=True, dir_okay=False),
    default=None,
    help="A Python program to compare rewrap with as well; its interface is that of rawloop.c.",
)
@options.equipment_of_processes
def bench(
    *, quick: bool, as_json: bool, keys: int | None, kill: bool, peer: Path | None, wanted: Wanted
) -> int:
    """Measure scenarios, rewraps and starts, each beside what to compare it with.

    Runs on an instance of its own, and leaves nothing behind. Other work on the machine shows in every figure
    but the ratios, which are medians over pairs measured in turn.
    """
    wanted = replace(wanted, backend=PROCESS)
    effort = measure.QUICK if quick else measure.FULL.with_jobs(options.RIGS)
    if keys:
        effort = effort.up_to(keys)
    report = measure.kills(effort, wanted, _tell) if kill else measure.measure(effort, wanted, peer, _tell)
    report["quick"] = quick
    print(json.dumps(report, indent=1) if as_json else "\n".join(table.lines(report)))
    return 0


def _tell(what: str) -> None:
    print(f"measuring {what}", file=sys.stderr, flush=True)


COMMANDS = (bench,)
