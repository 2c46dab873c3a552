"""``hil bundle``: the evidence of a campaign as one file, and the check of such a file."""

from pathlib import Path

import click

from harness.bundle import archive, rotation, system
from harness.bundle.pack import pack
from harness.campaign.stored import LATEST, Stored
from harness.cli import options
from harness.foreign.stored import SutRun, is_run
from harness.model.verdicts import Exit
from harness.rig import preflight


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
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default=LATEST)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
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
    options.complain(f"left out, no text: {name}" for name in packed.left_out)
    print(
        f"{packed.path}: {packed.files} files, {packed.bytes / 1e6:.1f} MB, {packed.redacted} values redacted"
    )
    print(f"manifest sha256 {packed.manifest}")
    return 0


@bundle.command(epilog=options.examples("hil bundle verify evidence.zip"))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def verify(*, file: Path) -> int:
    """Compare every file of a bundle with its manifest; exit code 1 names each that differs."""
    checked = archive.check(file)
    for problem in checked.problems:
        print(f"{problem.path} {problem.text}")
    print(f"manifest sha256 {checked.manifest}")
    print(
        f"{checked.files} files, "
        + (f"{len(checked.problems)} problems" if checked.problems else "all as made")
    )
    return Exit.CONTRADICTED if checked.problems else Exit.AS_DOCUMENTED


COMMANDS = (bundle,)
