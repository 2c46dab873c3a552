"""``hil sut``: a campaign on another system under test than the emulator, described by a profile."""

import fnmatch
import json
import os
import shlex
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from hil.cli import options
from hil.engine.errors import NothingTried
from hil.engine.rundir import read_campaign
from hil.model.verdicts import EXIT_OF_GATE, Exit, Gate
from hil.targets.hpcs.rig import preflight, watching
from hil.targets.hpcs.rig.workplace import workplace
from hil.targets.program import campaign as foreign
from hil.targets.program import form, report, stored, write
from hil.targets.program.command import PlayFolders
from hil.targets.program.outcome import ProgramOutcome
from hil.targets.program.point import ProgramScenario
from hil.targets.program.profile import load

_profile = click.argument("profile", type=options.NamedPath(dir_okay=False))


@click.group(epilog=options.examples("hil sut check examples/sut/ansible.toml"))
def sut() -> None:
    """Break off the rotation of another system under test, which a profile describes."""


@sut.command(epilog=options.examples("hil sut check examples/sut/ansible.toml"))
@_profile
def check(profile: Path) -> int:
    """Read a profile, make its golden state, and list the crash points of one rotation."""
    described = load(profile)
    watching.check()
    with workplace() as work:
        golden = foreign.prepared(described, work.folder)
        job = work.folder / "job"
        place = PlayFolders(job / "files", golden.place.ledger, job / "home")
        recording = foreign.record(described, golden, place)
    for call in recording.calls:
        print(call.text)
    print(f"{described.name}: {len(golden.sight.keys)} keys, {len(recording.calls)} crash points")
    if recording.ungrounded:
        raise NothingTried(f"{described.name}: {recording.ungrounded}")
    return Exit.AS_DOCUMENTED


@sut.command(
    epilog=options.examples(
        "hil sut run examples/sut/ansible.toml",
        "hil sut run examples/sut/luks.toml --only '*@fsync*' --jobs 1",
    )
)
@_profile
@click.option("--only", metavar="PATTERN", default="*", help="Only scenarios whose id matches.")
@click.option(
    "--jobs", type=click.IntRange(1, 64), default=None, help="Plays side by side.  [default: one a processor]"
)
@options.folder("--out", "out", None, "Run directory, a new one.  [default: runs/TIME]")
def run(profile: Path, only: str, jobs: int | None, out: Path | None) -> int:
    """Kill the rotation at every crash point, follow the procedure, say what is left of the keys."""
    described = load(profile)
    many = 1 if described.alone else jobs or os.cpu_count() or 1

    def chosen(scenarios: Sequence[ProgramScenario]) -> Sequence[ProgramScenario]:
        found = [one for one in scenarios if fnmatch.fnmatchcase(one.id, only)]
        if not found:
            points = f"hil sut check {shlex.quote(str(profile))}"
            raise NothingTried(f"no scenario matches '{only}'; this lists the points: {points}")
        return found

    def on_result(done: int, planned: int, outcome: ProgramOutcome) -> None:
        print(report.line(done, planned, outcome.record()), flush=True)

    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{described.name}-{uuid.uuid4().hex[:4]}"
    out = out or Path("runs") / name
    preflight.check_folder(out)
    watching.check()
    rundir = stored.begin(out, described)
    print(f"{described.name}, evidence in {out}", flush=True)
    try:
        with workplace() as work:
            foreign.run(described, rundir, work.folder, many, on_result, chosen)
    except BaseException:
        if rundir.results():
            options.complain(write.write_all(out))
        else:
            stored.discard(rundir)
        raise
    return _closed(out, profile)


def _closed(out: Path, profile: Path) -> int:
    """Write the reports, print the last lines, return the exit code."""
    options.complain(write.write_all(out))
    campaign = read_campaign(out)
    print()
    for text in report.closing(campaign, out, profile):
        print(text)
    return EXIT_OF_GATE[Gate(campaign["gate"])]


@sut.command(name="schema", epilog=options.examples("hil sut schema > sut.schema.json"))
def print_schema() -> int:
    """Print the form of a profile as JSON Schema, for editors."""
    print(json.dumps(form.json_schema(), indent=1))
    return 0


COMMANDS = (sut,)
