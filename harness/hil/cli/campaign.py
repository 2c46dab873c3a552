"""``hil plan`` and ``hil run``: what a campaign would play, and playing it."""

import fnmatch
import json
import re
import shlex
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import click

from hil.cli import options
from hil.engine import space
from hil.engine.campaign import Campaign, Shard
from hil.engine.errors import NothingTried, RunDirBusy
from hil.engine.plan import Origin, read_origin, read_plan, write_plan
from hil.engine.rundir import PLAN, RunDir
from hil.engine.space import NoSpace
from hil.engine.stored import Stored
from hil.model.scenario import Scenario
from hil.model.verdicts import EXIT_OF_GATE
from hil.report import console
from hil.report.live import Live
from hil.targets.hpcs.emulator import Shape
from hil.targets.hpcs.model import processes
from hil.targets.hpcs.operator import load
from hil.targets.hpcs.play import benches, pattern
from hil.targets.hpcs.play.outcome import CampaignOutcome
from hil.targets.hpcs.play.profiles import PROFILES
from hil.targets.hpcs.rig import preflight
from hil.targets.hpcs.rig.layout import OWN_SERVER
from hil.targets.hpcs.rig.modules.equipment import PROCESS, Equipment, Wanted
from hil.targets.hpcs.target import HpcsTarget

DEFAULT = "default"


def _profile(of_plan: str = "") -> Callable[[options.Command], options.Command]:
    return click.option(
        "--profile",
        type=click.Choice(list(PROFILES)),
        default=None if of_plan else DEFAULT,
        show_default=f"{DEFAULT}{of_plan}" if of_plan else True,
        help="; ".join(f"{name}: {profile.title}" for name, profile in PROFILES.items()) + ".",
    )


_only = click.option(
    "--only", metavar="PATTERN", default="*", help="Only scenarios whose id matches, * stands for anything."
)


class _ShardType(click.ParamType[Shard]):
    name = "I/N"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Shard:
        if isinstance(value, Shard):
            return value
        match = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", str(value))
        if not match or int(match[1]) > int(match[2]):
            self.fail(f"'{value}' is no shard, use I/N such as 1/4", param, ctx)
        return Shard(int(match[1]), int(match[2]))


@click.command(epilog=options.examples("hil plan", "hil plan --profile default --out plan.jsonl"))
@_profile()
@options.equipment_of_processes
@options.size
@_only
@click.option("--out", type=options.NamedPath(dir_okay=False), help="Write the plan to this file.")
@options.as_json
def plan(
    *,
    profile: str,
    wanted: Wanted,
    only: str,
    out: Path | None,
    as_json: bool,
    **size: int | None,
) -> int:
    """Record fault-free rotations and show which scenarios follow from them."""
    if out:
        preflight.check_file(out)
    shape = options.sized(PROFILES[profile].shape, size)
    _check_pattern(only, shape)
    equipment = replace(wanted, backend=PROCESS).chosen(watched=True)
    live = Live(sys.stderr)
    with benches.bench(equipment, shape) as bench, live:
        target = HpcsTarget(bench, profile, PROFILES[profile])
        campaign = Campaign(
            target,
            RunDir(Path()),
            options.RIGS,
            live.on_result,
            lambda scenarios: _matching(scenarios, only),
            entered=live.entered,
        )
        scenarios, made_for = campaign.plan()
    if out:
        write_plan(out, scenarios, made_for)
    if as_json:
        merged = {"merged": asdict(target.merged)} if target.merged else {}
        print(json.dumps(console.plan_record(scenarios, target.recording) | merged, indent=1))
        return 0
    for text in console.counts(scenarios, target.recording, target.merged):
        print(text)
    return 0


@click.command(
    epilog=options.examples(
        "hil run",
        "hil run --profile documented --backend docker --jobs 2",
        "hil run --only 'auto/tke@setimm*'",
        "hil run --plan plan.jsonl --shard 1/4 --out runs/part-1",
    )
)
@_profile(", or that of the plan")
@options.equipment
@options.size
@options.jobs
@_only
@click.option(
    "--plan",
    "plan_file",
    type=options.NamedPath(dir_okay=False),
    help="A plan that 'hil plan' wrote, in place of a new one.",
)
@click.option("--shard", type=_ShardType(), default=Shard(), help="Play one part of the plan, such as 1/4.")
@options.folder(
    "--out", "out", None, "Run directory; an unfinished one is gone on with.  [default: runs/TIME]"
)
def run(
    *,
    profile: str | None,
    wanted: Wanted,
    jobs: int,
    only: str,
    plan_file: Path | None,
    shard: Shard,
    out: Path | None,
    **size: int | None,
) -> int:
    """Run a campaign and judge it."""
    begun = out / PLAN if out and (out / PLAN).exists() else None
    origin = _origin(plan_file or begun, profile, size)
    given = _given(plan_file, only, shard) if plan_file else None
    if begun:
        _fit(Stored.read(begun.parent), given, shard)
    elif given is None:
        _check_pattern(only, origin.shape)
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{origin.profile}-{uuid.uuid4().hex[:4]}"
    out = out or Path("runs") / name
    preflight.check_folder(out)
    equipment = wanted.chosen(watched=True)
    for scenario in given or ():  # what nobody knows, or has, is told before anything is begun
        RunDir(out).book[scenario.procedure]
        processes.check_victims(scenario, len(origin.shape.numbers), server=equipment.server == OWN_SERVER)
    rundir = RunDir.create(out)
    benches.keep(rundir, equipment)
    if given and rundir.plan() is None:
        rundir.write_plan(given, origin)
    live = Live(sys.stdout)
    with benches.bench(equipment, origin.shape, rundir.path, rundir.book) as bench:
        campaign = Campaign(
            HpcsTarget(bench, origin.profile, PROFILES.get(origin.profile, PROFILES[DEFAULT])),
            rundir,
            jobs,
            live.on_result,
            lambda scenarios: _enough(_matching(scenarios, only), shard),
            shard,
            live.entered,
        )
        outcome = played(campaign, equipment, live)
    for text in _closing(outcome, rundir.path):
        print(text)
    return EXIT_OF_GATE[outcome.gate]


def _origin(file: Path | None, profile: str | None, size: dict[str, int | None]) -> Origin:
    """Return what a campaign is made for: what its plan says, else the profile and the numbers given."""
    made = read_origin(file) if file else None
    if made is None:
        name = profile or DEFAULT
        return Origin(name, options.sized(PROFILES[name].shape, size))
    if profile not in (None, made.profile) or options.sized(made.shape, size) != made.shape:
        raise click.UsageError(f"{file} was made for {made}; leave --profile, units and keys out")
    return made


def _given(file: Path, only: str, shard: Shard) -> tuple[Scenario, ...]:
    """Return what is to be played of a plan that was given."""
    plan = read_plan(file)
    if not plan:
        raise click.UsageError(f"{file} is empty; 'hil plan --out FILE' makes a plan")
    return tuple(_enough(_matching(plan, only), shard))


def _enough(chosen: Sequence[Scenario], shard: Shard) -> Sequence[Scenario]:
    if shard.of > len(chosen):
        raise click.UsageError(f"{len(chosen)} scenarios are too few for {shard.of} shards; divide them less")
    return chosen


def _fit(stored: Stored, given: tuple[Scenario, ...] | None, shard: Shard) -> None:
    """Raise RunDirBusy where a run that was begun is none of this plan and shard."""
    other = ""
    if given not in (None, stored.plan):
        other = "plan"
    elif not all(map(shard.holds, stored.records)):
        other = "shard"
    if other:
        raise RunDirBusy(f"{stored.path} was begun with another {other}; choose another --out")


def played(campaign: Campaign[CampaignOutcome], equipment: Equipment, live: Live) -> CampaignOutcome:
    """Run a campaign, show it as it goes, and write its reports, however it ends."""
    folder = campaign.rundir.path
    kept = f"results so far are kept, the same command with --out {shlex.quote(str(folder))} goes on"
    try:
        print(f"{campaign.target.name} on {equipment}, evidence in {folder}", flush=True)
        with live:
            return campaign.run()
    except KeyboardInterrupt as interrupt:
        raise options.Interrupted(f"interrupted; {kept}") from interrupt
    except (click.UsageError, NothingTried):
        campaign.rundir.discard()
        raise
    except NoSpace as error:
        raise NoSpace(f"{error}; {kept}") from error
    finally:
        if folder.exists() and not space.is_full(folder):
            options.reported(folder)


def _check_pattern(only: str, shape: Shape) -> None:
    """Raise NothingTried where that is certain before anything is recorded."""
    if pattern.hopeless(only, len(shape.numbers), load.names()):
        raise _no_match(only)


def _matching(scenarios: Sequence[Scenario], only: str) -> Sequence[Scenario]:
    chosen = [scenario for scenario in scenarios if fnmatch.fnmatchcase(scenario.id, only)]
    if not chosen:
        raise _no_match(only)
    return chosen


def _no_match(only: str) -> NothingTried:
    return NothingTried(f"no scenario of the plan matches '{only}'; 'hil plan --out' lists them")


def _closing(outcome: CampaignOutcome, folder: Path) -> Iterator[str]:
    yield ""
    yield from console.table(outcome.results)
    yield ""
    yield from console.closing(outcome, folder)


COMMANDS = (plan, run)
