"""``hil bundle``: the evidence of a campaign as one file, and the check of such a file."""

import hashlib
import re
from pathlib import Path

import click

from hil.cli import options
from hil.engine.stored import LATEST, Stored
from hil.model.verdicts import Exit
from hil.targets.hpcs.rig import preflight
from hil.targets.program.stored import SutRun, is_run
from hil.tools.bundle import rotation, system
from hil.tools.bundle import verify as verification
from hil.tools.bundle.pack import pack


class _OrMake(click.Group):
    """A folder, or nothing, in place of a command's name means ``make``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        helped = bool(args) and args[0] in ctx.help_option_names
        if not helped and (not args or args[0] not in self.commands):
            args = ["make", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_OrMake, epilog=options.examples("hil bundle runs/latest", "hil bundle verify evidence.zip"))
def bundle() -> None:
    """Put the evidence of a campaign into one file without secrets, or check such a file.

    'hil bundle DIR' is 'hil bundle make DIR'.
    """


@bundle.command(epilog=options.examples("hil bundle make runs/latest --out evidence.zip"))
@click.argument("folder", metavar="[DIR]", type=options.NamedPath(), default=LATEST)
@click.option(
    "--out",
    type=options.NamedPath(dir_okay=False),
    help="The file to write.  [default: the run's name with .zip, here]",
)
def make(*, folder: Path, out: Path | None) -> int:
    """Write the bundle of a run directory: evidence, procedures, versions, commands, and their hashes."""
    place = folder.resolve()
    contents = system.contents(SutRun.read(place)) if is_run(place) else rotation.contents(Stored.read(place))
    path = out or Path(f"{place.name}.zip")
    if path.exists():
        raise click.UsageError(f"{path} is there already; choose another --out")
    preflight.check_file(path)
    packed = pack(contents, path)
    options.complain(f"left out: {name}" for name in packed.left_out)
    print(
        f"{packed.path}: {packed.files} files, {packed.bytes / 1e6:.1f} MB, {packed.redacted} values redacted"
    )
    print(f"manifest sha256 {packed.manifest}")
    return 0


def _hash(ctx: click.Context, param: click.Parameter, value: str) -> str:
    known = value.lower().removeprefix("sha256:")
    if value and not re.fullmatch("[0-9a-f]{64}", known):
        raise click.BadParameter("a SHA-256 has 64 hex digits; 'hil bundle' prints it", ctx, param)
    return known


@bundle.command(
    epilog=options.examples(
        "hil bundle verify evidence.zip",
        f"hil bundle verify evidence.zip --manifest {hashlib.sha256().hexdigest()}",
    )
)
@click.argument("file", type=options.NamedPath(dir_okay=False))
@click.option(
    "--manifest",
    "known",
    metavar="HASH",
    default="",
    callback=_hash,
    help="SHA-256 that 'hil bundle' printed: whether it is that bundle, not only a whole one.",
)
def verify(*, file: Path, known: str) -> int:
    """Compare every byte of a bundle with its manifest; exit code 1 names each file that differs.

    Without --manifest that shows that the bundle is whole and does not contradict itself, not who made it.
    """
    checked = verification.check(file, known)
    for problem in checked.problems:
        print(problem)
    if checked.manifest:
        print(f"manifest sha256 {checked.manifest}")
    print(f"{checked.files} files, {_word(checked, known)}")
    return Exit.CONTRADICTED if checked.problems else Exit.AS_DOCUMENTED


def _word(checked: verification.BundleCheck, known: str) -> str:
    if checked.problems:
        return f"{len(checked.problems)} problems"
    return "all as made" if known else "whole and consistent; --manifest HASH tells whether they are as made"


COMMANDS = (bundle,)
