"""What several commands share: options, examples, complaints."""

import functools
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from hil.cli import streams
from hil.engine.rundir import PLAN
from hil.engine.stored import Stored
from hil.report import annotations
from hil.report.write import write_all
from hil.targets.hpcs.emulator import Shape
from hil.targets.hpcs.rig import names
from hil.targets.hpcs.rig.modules.equipment import AUTO, BACKENDS, Wanted, keystore

KEYS_MIN = 8  # one of every sort
KEYS_MAX = 50_000  # the limit of the modelled service

RIGS = (os.cpu_count() or 1) + 1  # side by side: one of them waits, for a process that hangs or that starts

Command = Callable[..., Any]


class Interrupted(click.exceptions.Abort):
    """The user has interrupted a command that says itself what is left."""


def examples(*lines: str) -> str:
    """Return the text that stands below the options of a command."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def complain(lines: Iterable[str]) -> None:
    """Say on stderr what did not work, where the command itself goes on."""
    for line in lines:
        streams.say(f"hil: {line}")


def reported(folder: Path) -> None:
    """Write every report of a run directory, and tell a runner of GitHub Actions where one listens."""
    complaints = write_all(folder)
    complain(complaints)
    if annotations.running_there() and (folder / PLAN).exists() and not complaints:
        for line in annotations.annotations(Stored.read(folder)):
            print(line)
        complain(annotations.add_summary(folder))


def backend(command: Command) -> Command:
    """Add ``--backend``."""
    return click.option(
        "--backend",
        type=click.Choice(BACKENDS),
        default=AUTO,
        show_default=True,
        help="Crypto units as containers or as processes; auto takes containers where an engine answers.",
    )(command)


class NamedPath(click.Path):
    """A file or folder on the command line, under a name that everything below can use."""

    def __init__(self, *, exists: bool = False, file_okay: bool = True, dir_okay: bool = True) -> None:
        super().__init__(exists=exists, file_okay=file_okay, dir_okay=dir_okay, path_type=Path)

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:  # noqa: ANN401 as in click
        """Refuse a name that is not UTF-8 or has control characters, else as click does."""
        if why := names.unfit(Path(value)):
            self.fail(why, param, ctx)
        return super().convert(value, param, ctx)


class _KeyStore(click.ParamType[str]):
    name = "sqlite|postgresql|URL"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return keystore(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


_keystore = click.option(
    "--keystore",
    type=_KeyStore(),
    help="Where keys are stored: a file (sqlite, the default), a PostgreSQL server of each instance, or the "
    "server at the URL.",
)
_module_profile = click.option(
    "--module-profile",
    type=NamedPath(dir_okay=False),
    help="TOML file that puts another PKCS#11 module than SoftHSM behind the crypto units.",
)


def equipment(command: Command) -> Command:
    """Add what instances are made of: the command gets the options as one Wanted, ``wanted``."""
    return backend(equipment_of_processes(command))


def equipment_of_processes(command: Command) -> Command:
    """Add the same but for ``--backend``."""

    @functools.wraps(command)
    def gathered(
        *args: object,
        backend: str = AUTO,
        keystore: str | None,
        module_profile: Path | None,
        **others: object,
    ) -> object:
        return command(*args, wanted=Wanted(backend, keystore, module_profile), **others)

    return _keystore(_module_profile(gathered))


def only_for_a_new_one(wanted: Wanted, size: Mapping[str, int | None], why: str) -> None:
    """Complain, with the words ``why``, where options say what an instance is made of, and none is made."""
    if wanted != Wanted() or any(number is not None for number in size.values()):
        raise click.UsageError(why)


def as_json(command: Command) -> Command:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script.")(command)


def jobs(command: Command) -> Command:
    """Add ``--jobs``."""
    return click.option(
        "--jobs",
        type=click.IntRange(1, 64),
        default=RIGS,
        show_default="one more than processors",
        help="Rigs side by side.",
    )(command)


def size(command: Command) -> Command:
    """Add the numbers of units and keys; what is not given is the profile's."""
    ranges = (
        ("--keys", click.IntRange(KEYS_MIN, KEYS_MAX), "Keys in the key store."),
        ("--failover", click.IntRange(0, 1), "Failover crypto units."),
        ("--recovery", click.IntRange(1, 2), "Recovery crypto units."),
        ("--operational", click.IntRange(1, 3), "Operational crypto units."),
    )
    for name, kind, text in ranges:
        command = click.option(name, type=kind, default=None, help=text)(command)
    return command


def sized(shape: Shape, given: dict[str, int | None]) -> Shape:
    """Return ``shape`` with the numbers that were given."""
    return replace(shape, **{name: number for name, number in given.items() if number is not None})


def folder(flag: str, name: str, default: Path | None, text: str) -> Callable[[Command], Command]:
    """Add an option that names a folder."""
    return click.option(
        flag,
        name,
        type=NamedPath(file_okay=False),
        default=default,
        show_default=default is not None,
        help=text,
    )
