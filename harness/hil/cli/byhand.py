"""``hil up``, ``status`` and ``down``: an instance to try by hand."""

import json
import shlex
from pathlib import Path

import click

from hil.cli import options
from hil.model.verdicts import Exit
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.rig import preflight
from hil.targets.hpcs.rig.modules.equipment import Wanted
from hil.targets.hpcs.tools.byhand import instance, screens
from hil.targets.hpcs.tools.byhand.record import FILE, Record
from hil.targets.hpcs.tools.drill.record import FILE as DRILL

_directory = options.folder("--dir", "folder", Path("hil-instance"), "Folder of the instance.")


@click.command(
    epilog=options.examples(
        "hil up",
        "hil up --dir /tmp/mine --operational 2 --keys 100",
        "hil up --module-profile examples/hil-nss.toml --keystore postgresql",
    )
)
@_directory
@options.equipment
@options.size
def up(folder: Path, *, wanted: Wanted, **size: int | None) -> int:
    """Start an instance to try by hand, or start again what has died in it."""
    folder = folder.absolute()
    if (folder / FILE).exists():
        record = Record.read(folder)
        stays = f"{folder} holds an instance, which stays as it was made; leave out what to make it of"
        options.only_for_a_new_one(wanted, size, stays)
        record = instance.start(record)
    else:
        preflight.check_folder(folder)
        record = instance.make(folder, options.sized(sut.Shape(), size), wanted.chosen())
    for text in screens.started(record):
        print(text)
    return 0


@click.command(epilog=options.examples("hil status", "hil status --dir /tmp/mine --json"))
@_directory
@options.as_json
def status(folder: Path, *, as_json: bool) -> int:
    """Show processes, registers, rows and how many keys are readable; exit code 1 where keys are lost."""
    seen = instance.look(Record.read(folder.absolute()))
    for text in (json.dumps(seen.record(), indent=1),) if as_json else screens.status(seen):
        print(text)
    return Exit.AS_DOCUMENTED if seen.keys_readable == seen.keys_total else Exit.CONTRADICTED


@click.command(epilog=options.examples("hil down", "hil down --dir /tmp/mine --keep"))
@_directory
@click.option("--keep", is_flag=True, help="Keep the files; 'hil up' starts the instance again.")
def down(folder: Path, *, keep: bool) -> int:
    """Stop an instance and remove its folder."""
    if (folder / DRILL).exists():
        raise click.UsageError(
            f"{folder} holds a drill; end it: hil drill --end --dir {shlex.quote(str(folder))}"
        )
    instance.stop(Record.read(folder.absolute()), keep=keep)
    done = "files kept in" if keep else "removed all but what is not of the instance from"
    print(f"stopped; {done if folder.exists() else 'removed'} {folder}")
    return 0


COMMANDS = (up, status, down)
