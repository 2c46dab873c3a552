"""``hil replay``, ``shrink``, ``recheck`` and ``merge``: what one does with the evidence of a campaign."""

import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import click

from hil.cli import options
from hil.engine.again import merge as merging
from hil.engine.again import recheck as rechecking
from hil.engine.again import shrink as shrinking
from hil.engine.again.replay import Comparison
from hil.engine.stored import LATEST, Stored
from hil.model.scenario import Result, Scenario
from hil.model.verdicts import EXIT_OF_GATE, Exit, Verdict, gate
from hil.report import console, steps
from hil.targets.hpcs.boundaries.syscalls import is_system_call
from hil.targets.hpcs.emulator import Shape
from hil.targets.hpcs.model import processes
from hil.targets.hpcs.operator import book as bookshelf
from hil.targets.hpcs.operator.book import Book
from hil.targets.hpcs.play.player import Play, foretold, player
from hil.targets.hpcs.play.profiles import PROFILES
from hil.targets.hpcs.rig import preflight
from hil.targets.hpcs.rig.layout import OWN_SERVER
from hil.targets.hpcs.rig.modules.equipment import AUTO, Equipment, Wanted

FINDINGS_SHOWN = 3
SIZES = ("operational", "recovery", "failover", "keys")

_id = click.argument("scenario_id", metavar="ID")
_run = options.folder(
    "--run",
    "run",
    None,
    "Run directory that gives the size and what to compare with.  [default: runs/latest where it is, "
    "unless a size is given]",
)
_procedure = click.option(
    "--procedure",
    type=options.NamedPath(dir_okay=False),
    help="File of the procedure, where neither the bench nor --run has it.",
)


@dataclass(frozen=True)
class _Subject:
    """A scenario to play, the instance for it, and what is stored of it; ``words`` choose the same again.

    ``planned``: a plan says what is expected of it.
    """

    scenario: Scenario
    shape: Shape
    equipment: Equipment
    stored: Result | None
    where: str
    words: str
    book: Book
    planned: bool = False

    def __post_init__(self) -> None:
        own = self.equipment.server == OWN_SERVER
        processes.check_victims(self.scenario, len(self.shape.numbers), server=own)

    def player(self) -> AbstractContextManager[Play]:
        """Set up the instance."""
        return player(self.shape, self.equipment, self.book)

    def __str__(self) -> str:
        shape = self.shape
        return (
            f"{self.scenario.id} on {shape.operational} operational, {shape.recovery} recovery, "
            f"{shape.failover} failover units ({self.equipment}), {shape.keys} keys"
        )


@click.command(
    epilog=options.examples(
        "hil replay auto/kms@C_WrapKey.7-after/documented",
        "hil replay auto/kms@C_WrapKey.7-after/documented --run runs/nightly --all",
        "hil replay auto/tke@setimm.1-after/documented --operational 1 --recovery 1 --keys 8",
    )
)
@_id
@_run
@options.equipment
@options.size
@_procedure
@click.option("--all", "every", is_flag=True, help="Show every PKCS#11 call and system call.")
def replay(
    *,
    scenario_id: str,
    run: Path | None,
    wanted: Wanted,
    procedure: Path | None,
    every: bool,
    **size: int | None,
) -> int:
    """Play one scenario again and show it step by step."""
    subject = _subject(scenario_id, run, wanted, procedure, size)
    print(subject, flush=True)
    with subject.player() as play:
        account = play(subject.scenario)
    if not subject.planned:
        account.result = foretold(account.result, subject.book)
    compared = Comparison(account.result, subject.stored)
    for text in (*steps.steps(account, every=every), *steps.comparison(compared, subject.where)):
        print(text)
    return EXIT_OF_GATE[compared.gate]


@click.command(epilog=options.examples("hil shrink auto/kms@C_WrapKey.9-after~tke@setimm.1-after/documented"))
@_id
@_run
@options.equipment
@options.size
@_procedure
@click.option("--tries", type=click.IntRange(1, 1000), default=40, show_default=True, help="At most so many.")
def shrink(
    *,
    scenario_id: str,
    run: Path | None,
    wanted: Wanted,
    procedure: Path | None,
    tries: int,
    **size: int | None,
) -> int:
    """Find fewer faults and lower ordinals that still end with the same verdict."""
    subject = _subject(scenario_id, run, wanted, procedure, size)
    print(subject, flush=True)
    with subject.player() as play:
        first = play(subject.scenario).result
        _tried(0, first, kept=True)
        if first.verdict in shrinking.UNSHRINKABLE or not shrinking.keeps(first, first):
            print("nothing to shrink: " + "; ".join(_why_not(first)))
            return EXIT_OF_GATE[gate([(first.verdict, first.scenario.expected)], 1, repeatable=False)]
        shrunk = shrinking.shrink(play, first, tries, _tried)
    smallest = shrunk.smallest.scenario.id
    print(f"smallest after {shrunk.tries} tries: {smallest}")
    print(f"played once more: {'the same verdict and trace' if shrunk.proven else 'NOT the same'}")
    print(f"again: hil replay {smallest}{subject.words}")
    return Exit.AS_DOCUMENTED if shrunk.proven else Exit.INCONCLUSIVE


@click.command(epilog=options.examples("hil recheck runs/latest"))
@click.argument("folder", metavar="DIR", type=options.NamedPath())
def recheck(*, folder: Path) -> int:
    """Give verdicts again from stored evidence; nothing is played, nothing in DIR is changed."""
    rechecked = rechecking.recheck(Stored.read(folder))
    for old, new in rechecked.changes:
        print(f"{old.verdict} -> {new.verdict}, expected {new.scenario.expected}: {new.scenario.id}")
        for finding in new.findings[:FINDINGS_SHOWN]:
            print(f"  {finding.check}: {finding.text}")
    for difference in rechecked.differences:
        print(f"contradicts itself: {difference}")
    kept = len(rechecked.results) - rechecked.judged
    without = f", {kept} without evidence keep theirs" if kept else ""
    print(
        f"{len(rechecked.changes) or 'no'} verdicts changed, {rechecked.judged} of "
        f"{len(rechecked.results)} scenarios judged again{without}"
    )
    if rechecked.differences:
        print(f"the evidence contradicts itself in {len(rechecked.differences)} places: it was changed since")
    print(console.GATES[rechecked.gate])
    return EXIT_OF_GATE[rechecked.gate]


@click.command(epilog=options.examples("hil merge runs/part-1 runs/part-2 --out runs/whole"))
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=options.NamedPath())
@click.option(
    "--out",
    type=options.NamedPath(file_okay=False),
    required=True,
    help="Run directory to make, new or empty.",
)
def merge(*, folders: tuple[Path, ...], out: Path) -> int:
    """Put the shards of one plan together and judge the whole."""
    preflight.check_folder(out)
    shards = merging.read(folders)
    outcome = merging.merge(shards, out)
    options.reported(out)
    for text in ("", *console.table(outcome.results), "", *console.closing(outcome, out)):
        print(text)
    missing = len(shards[0].plan) - len(outcome.results)
    if missing:
        print(f"{missing} of {len(shards[0].plan)} scenarios of the plan have no result; is a shard missing?")
    return EXIT_OF_GATE[outcome.gate]


def _subject(
    scenario_id: str, run: Path | None, wanted: Wanted, procedure: Path | None, size: dict[str, int | None]
) -> _Subject:
    """Find out what is to be played, before anything is started."""
    scenario = processes.check(Scenario.parse(scenario_id, Verdict.RECOVERED))
    added = (bookshelf.read(procedure)[0],) if procedure else ()
    stored = _stored(run, size)
    book = Book((*added, *(stored.book.added if stored else ())))
    scenario = replace(scenario, expected=book[scenario.procedure].expected)
    said = _said(wanted, procedure)
    watched = any(is_system_call(fault.event) for fault in scenario.faults)
    if stored is None:
        shape = options.sized(PROFILES["default"].shape, size)
        words = "".join(f" --{name} {getattr(shape, name)}" for name in SIZES)
        return _Subject(scenario, shape, wanted.chosen(watched=watched), None, "", words + said, book)
    planned, result = stored.find(scenario_id)
    equipment = _as_stored(stored, wanted).chosen(watched=watched)
    words = f" --run {shlex.quote(str(stored.path))}{said}"
    what = (planned or scenario, stored.shape, equipment, result, str(stored.path), words, book)
    return _Subject(*what, planned=planned is not None)


def _as_stored(stored: Stored, wanted: Wanted) -> Wanted:
    """Return what the run was played on, but for what is wanted otherwise now."""
    module = wanted.module or stored.module
    played_on = AUTO if module else stored.backend
    backend = played_on if wanted.backend == AUTO else wanted.backend
    return Wanted(backend, wanted.keystore or stored.keystore, module)


def _stored(run: Path | None, size: dict[str, int | None]) -> Stored | None:
    sized = any(number is not None for number in size.values())
    if run and sized:
        raise click.UsageError("the size is that of --run; leave out --run, or the numbers of units and keys")
    if run is None and (sized or not LATEST.exists()):
        return None
    path = run or LATEST
    # The name that a link has now: 'latest' may be another run tomorrow.
    return Stored.read(path.parent / path.readlink() if path.is_symlink() else path)


def _said(wanted: Wanted, procedure: Path | None) -> str:
    words = (*(("--procedure", str(procedure)) if procedure else ()), *wanted.argv)
    return "".join(f" {shlex.quote(word)}" for word in words)


def _tried(number: int, result: Result, kept: bool) -> None:  # noqa: FBT001 - a callback
    what = ("kept" if kept else "no  ") if number else "from"
    keys = f"{result.keys.readable}/{result.keys.total} keys"
    print(f"[{number:>3}] {what} {result.verdict:<13} {keys:<11} {result.scenario.id}", flush=True)


def _why_not(result: Result) -> Iterator[str]:
    yield f"the verdict is {result.verdict}"
    yield from (
        f"{fault.id} did not fire"
        for fault, fired in zip(result.scenario.faults, result.fired, strict=True)
        if not fired
    )
    yield from (f"{finding.check}: {finding.text}" for finding in result.findings[:FINDINGS_SHOWN])


COMMANDS = (replay, shrink, recheck, merge)
