"""``hil drill``: training for operators."""

import secrets
import shlex
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import click

from hil import inherited
from hil.cli import options
from hil.model.verdicts import Exit
from hil.targets.hpcs.emulator import Shape
from hil.targets.hpcs.rig import preflight
from hil.targets.hpcs.rig.modules.equipment import Wanted
from hil.targets.hpcs.tools.byhand import instance, keystore
from hil.targets.hpcs.tools.byhand.record import FILE as INSTANCE
from hil.targets.hpcs.tools.byhand.record import Record
from hil.targets.hpcs.tools.drill import screens
from hil.targets.hpcs.tools.drill.check import DrillStatus
from hil.targets.hpcs.tools.drill.check import check as checked
from hil.targets.hpcs.tools.drill.points import POINTS, chosen
from hil.targets.hpcs.tools.drill.record import FILE, Drill
from hil.targets.hpcs.tools.drill.strike import Strike

SHAPE = Shape(operational=2, recovery=1, keys=8)
DELAY_SECONDS = 30.0  # that of tke


@click.command(
    epilog=options.examples(
        "hil drill",
        "hil drill --seed 3 --delay 2 --dir /tmp/lesson",
        "hil drill --check --dir /tmp/lesson",
        "hil drill --end --dir /tmp/lesson",
    )
)
@options.folder("--dir", "folder", Path("hil-drill"), "Folder of the drill.")
@click.option("--check", is_flag=True, help="Say whether the keys have survived.")
@click.option("--tell", is_flag=True, help="The same, and how it should go, also before the end.")
@click.option("--end", is_flag=True, help="Stop the instance and remove the folder.")
@click.option(
    "--seed",
    type=click.IntRange(0),
    help=f"Break off at the same point as another drill; {len(POINTS)} in a row are all different.",
)
@click.option(
    "--delay",
    type=click.FloatRange(0, 600),
    default=DELAY_SECONDS,
    show_default=True,
    help="Seconds that tke waits after its first message.",
)
@options.equipment
@options.size
def drill(
    *,
    folder: Path,
    check: bool,
    tell: bool,
    end: bool,
    seed: int | None,
    delay: float,
    wanted: Wanted,
    **size: int | None,
) -> int:
    """Recover from a rotation that was broken off at a point that you are not told.

    Starts an instance, breaks off a rotation, and gives you a shell where there is a terminal. --check and
    --tell end with exit code 0 where every key has survived and the rotation is complete, else with 1.
    """
    folder = folder.absolute()
    asked = [name for name, given in (("check", check), ("tell", tell), ("end", end)) if given]
    if len(asked) > 1:
        raise click.UsageError(f"give --{' and --'.join(asked)} one after the other")
    if asked:
        options.only_for_a_new_one(
            wanted, size, f"--{asked[0]} is about a drill that is there; leave out what to make one of"
        )
    if end:
        return _end(folder)
    if asked:
        return _check(folder, tell=tell)
    if not (folder / FILE).exists():
        _start(folder, seed, delay, wanted, options.sized(SHAPE, size))
    else:
        under_way = f"a drill is under way in {folder}; end it before you choose another"
        if seed is not None:
            raise click.UsageError(under_way)
        options.only_for_a_new_one(wanted, size, under_way)
    return _hand_over(instance.start(Record.read(folder)), Drill.read(folder))


def _start(folder: Path, seed: int | None, delay: float, wanted: Wanted, shape: Shape) -> None:
    """Make the instance of a drill, with a rotation broken off in it."""
    preflight.check_folder(folder)
    seed = secrets.randbelow(len(POINTS)) if seed is None else seed
    strike = Strike(chosen(seed))
    record = instance.make(folder, shape, wanted.chosen(), strike.prepare)
    Drill.make(record, seed, delay, strike.struck)


def _hand_over(record: Record, made: Drill) -> int:
    """Brief the operator, and give a shell in front of the instance, or say how to get there."""
    for text in screens.briefing(record, made):
        print(text, flush=True)
    bash = shutil.which("bash")
    if not (bash and sys.stdin.isatty()):
        print(f"In your shell: . {shlex.quote(str(made.environment))}")
        return Exit.AS_DOCUMENTED
    print("This shell is in front of the instance; 'exit' leaves it, 'hil drill' comes back.", flush=True)
    subprocess.run([bash, "--rcfile", made.environment, "-i"], env=inherited.environment())
    return Exit.AS_DOCUMENTED


def _check(folder: Path, *, tell: bool) -> int:
    made = Drill.read(folder)
    seen = checked(Record.read(folder), made)
    for text in screens.checked(made, seen, tell=tell):
        print(text)
    return Exit.AS_DOCUMENTED if seen.standing is DrillStatus.SURVIVED else Exit.CONTRADICTED


def _end(folder: Path) -> int:
    made = Drill.read(folder)
    record = Record.read(folder) if (folder / INSTANCE).exists() else None  # somebody may have removed it
    if record:
        keystore.remove(record.layout)  # where that cannot be, the drill is left whole
    made.remove()
    if record:
        instance.stop(record, keep=False)
    else:
        with suppress(OSError):  # what somebody else has put there stays
            folder.rmdir()
    print(f"stopped; removed {folder}")
    return Exit.AS_DOCUMENTED


COMMANDS = (drill,)
