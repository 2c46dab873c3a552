"""The command line of the bench: arguments in, exit codes out; the work is done elsewhere."""

import fnmatch
import os
import sys
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from harness import sut
from harness.byhand import instance, screens
from harness.byhand.record import FILE, NoInstance, Record
from harness.campaign.campaign import Campaign
from harness.campaign.profiles import PROFILES
from harness.campaign.rundir import RunDir, RunDirBusy
from harness.campaign.worker import Bench
from harness.model.scenario import Result, Scenario
from harness.model.verdicts import EXIT_OF_GATE, Exit
from harness.report import console
from harness.rig import preflight
from harness.rig.docker import EngineError
from harness.rig.golden import GoldenError
from harness.rig.layout import NoScratch, scratch
from harness.rig.populate import row_count
from harness.rig.ready import NotReady

KEYS_MIN = 8  # one of every sort

USER_ERRORS = (instance.FolderTaken, NoInstance, RunDirBusy, preflight.NotReadyHere, NoScratch)
BENCH_ERRORS = (EngineError, GoldenError, NotReady)

EXIT_CODES = """
\b
Exit codes:
  0   every scenario ended as documented
  1   data lost, stuck, or the documentation contradicted
  2   inconclusive: a planned fault did not fire
  64  bad arguments, or something is missing on this machine
  70  the bench itself failed
  130 interrupted
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; an error is one line on stderr."""
    try:
        code = hil.main(args=list(argv) if argv is not None else None, standalone_mode=False)
    except click.exceptions.Abort:
        return _complain(
            "interrupted; what had been found so far stands in the run directory", Exit.INTERRUPTED
        )
    except click.exceptions.NoArgsIsHelpError:
        return _complain("no command given; see 'hil --help'", Exit.USAGE)
    except click.ClickException as error:
        return _complain(error.format_message(), Exit.USAGE)
    except USER_ERRORS as error:
        return _complain(str(error), Exit.USAGE)
    except BENCH_ERRORS as error:
        return _complain(str(error), Exit.HARNESS_ERROR)
    return code if isinstance(code, int) else 0


def _complain(text: str, code: Exit) -> int:
    print(f"hil: {text}", file=sys.stderr)
    return code


def _examples(*lines: str) -> str:
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def _shape_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that both ``run`` and ``up`` take."""
    for option in (
        click.option(
            "--backend",
            type=click.Choice(["auto", "process", "docker"]),
            default="auto",
            show_default=True,
            help="Crypto units as containers or as processes; auto takes containers where an engine answers.",
        ),
        click.option(
            "--operational", type=click.IntRange(1, 3), default=3, show_default=True, help="Crypto units."
        ),
        click.option(
            "--recovery", type=click.IntRange(1, 2), default=2, show_default=True, help="Crypto units."
        ),
        click.option(
            "--failover", type=click.IntRange(0, 1), default=0, show_default=True, help="Crypto units."
        ),
        click.option(
            "--keys",
            type=click.IntRange(KEYS_MIN, 50_000),
            default=24,
            show_default=True,
            help="Keys in the key store.",
        ),
    ):
        command = option(command)
    return command


@click.group(epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hsm-hil", prog_name="hil")
def hil() -> None:
    """Kill a master-key rotation, follow the documented recovery, prove what is left of the keys."""


@hil.command()
@click.option(
    "--profile",
    type=click.Choice(list(PROFILES)),
    default="documented",
    show_default=True,
    help="What to run.",
)
@_shape_options
@click.option(
    "--jobs", type=click.IntRange(1, 64), default=None, help="Rigs side by side.  [default: one a processor]"
)
@click.option(
    "--only", metavar="PATTERN", default="*", help="Only scenarios whose id matches, * stands for anything."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Run directory.  [default: runs/TIME]",
)
def run(  # noqa: PLR0913 - the options of the command line
    *,
    profile: str,
    backend: str,
    operational: int,
    recovery: int,
    failover: int,
    keys: int,
    jobs: int | None,
    only: str,
    out: Path | None,
) -> int:
    """Run a campaign and judge it."""
    shape = sut.Shape(operational, recovery, failover, keys)
    scenarios = _chosen(profile, shape, only)
    image = preflight.choose_image(backend)
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{profile}-{uuid.uuid4().hex[:4]}"
    out = out or Path("runs") / name
    preflight.check_folder(out)
    rundir = RunDir.create(out)
    rundir.point_latest()
    bench = Bench(f"run-{uuid.uuid4().hex[:8]}", scratch("hil-"), shape, image, rundir.path)
    print(f"{profile} on {'containers' if image else 'processes'}, evidence in {rundir.path}", flush=True)

    def told(done: int, planned: int, result: Result) -> None:
        print(console.line(done, planned, result), flush=True)

    outcome = Campaign(bench, rundir, profile, scenarios, jobs or os.cpu_count() or 1, told).run()
    print()
    for text in (*console.table(outcome.results), ""):
        print(text)
    for text in console.closing(outcome.gate, outcome.results, outcome.seconds, rundir.path):
        print(text)
    return EXIT_OF_GATE[outcome.gate]


def _chosen(profile: str, shape: sut.Shape, only: str) -> Sequence[Scenario]:
    scenarios = PROFILES[profile](shape, row_count(shape.keys))
    chosen = [scenario for scenario in scenarios if fnmatch.fnmatchcase(scenario.id, only)]
    if not chosen:
        raise click.UsageError(f"no scenario of the profile {profile} matches '{only}'")
    return chosen


_directory = click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("hil-instance"),
    show_default=True,
    help="Folder of the instance.",
)


@hil.command(epilog=_examples("hil up", "hil up --dir /tmp/mine --operational 2 --keys 100"))
@_directory
@_shape_options
def up(folder: Path, *, backend: str, operational: int, recovery: int, failover: int, keys: int) -> int:
    """Start an instance to try by hand, or start again what has died in it."""
    folder = folder.absolute()
    if (folder / FILE).exists():
        record = instance.start(Record.read(folder))
    else:
        image = preflight.choose_image(backend)
        preflight.check_folder(folder)
        record = instance.make(folder, sut.Shape(operational, recovery, failover, keys), image)
    for text in screens.started(record):
        print(text)
    return 0


@hil.command()
@_directory
def status(folder: Path) -> int:
    """Show processes, registers, rows and how many keys are readable; exit code 1 where keys are lost."""
    seen = instance.look(Record.read(folder.absolute()))
    for text in screens.status(seen):
        print(text)
    return Exit.AS_DOCUMENTED if seen.keys_readable == seen.keys_total else Exit.CONTRADICTED


@hil.command()
@_directory
@click.option("--keep", is_flag=True, help="Keep the files; 'hil up' starts the instance again.")
def down(folder: Path, *, keep: bool) -> int:
    """Stop an instance and remove its folder."""
    instance.stop(Record.read(folder.absolute()), keep=keep)
    print(f"stopped; {'files kept in' if keep else 'removed'} {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
