"""What several commands share: options, examples, complaints."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from harness.campaign.rundir import PLAN
from harness.campaign.stored import Stored
from harness.report import annotations
from harness.report.write import write_all
from harness.rig.layout import OWN_SERVER
from harness.rig.preflight import SQLITE
from harness.sut import Shape

KEYS_MIN = 8  # one of every sort
KEYS_MAX = 50_000  # the limit of the modelled service

Command = Callable[..., Any]


class Interrupted(click.exceptions.Abort):
    """The user has interrupted a command that says itself what is left."""


def examples(*lines: str) -> str:
    """Return the text that stands below the options of a command."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def complain(lines: Iterable[str]) -> None:
    """Say on stderr what did not work, where the command itself goes on."""
    for line in lines:
        print(f"hil: {line}", file=sys.stderr)


def reported(folder: Path) -> None:
    """Write every report of a run directory, and tell a runner of GitHub Actions where one listens."""
    complaints = write_all(folder)
    complain(complaints)
    if annotations.running_there() and (folder / PLAN).exists() and not complaints:
        for line in annotations.annotations(Stored.read(folder)):
            print(line)
        annotations.add_summary(folder)


def backend(command: Command) -> Command:
    """Add ``--backend``."""
    return click.option(
        "--backend",
        type=click.Choice(["auto", "process", "docker"]),
        default="auto",
        show_default=True,
        help="Crypto units as containers or as processes; auto takes containers where an engine answers.",
    )(command)


class _KeyStore(click.ParamType[str]):
    name = "sqlite|postgresql|URL"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        if text in (SQLITE, OWN_SERVER):
            return text
        try:
            given = urlsplit(text)
        except ValueError:
            given = urlsplit("")
        if given.scheme not in ("postgresql", "postgres"):
            self.fail(f"'{text}' is neither sqlite nor postgresql nor postgresql://USER@HOST", param, ctx)
        if given.password is not None or "password" in given.query:
            self.fail("a password in an argument is seen by everybody; put it into PGPASSWORD", param, ctx)
        return text


def keystore(default: str | None) -> Callable[[Command], Command]:
    """Add ``--keystore``; without a ``default`` it is None where it is not given."""
    return click.option(
        "--keystore",
        type=_KeyStore(),
        default=default,
        show_default=default is not None,
        help="Where keys are stored: a file, a PostgreSQL server for each rig, or the server at the URL.",
    )


def module_profile(command: Command) -> Command:
    """Add ``--module-profile``."""
    return click.option(
        "--module-profile",
        type=click.Path(path_type=Path, dir_okay=False),
        help="TOML file that puts another PKCS#11 module than SoftHSM behind the crypto units.",
    )(command)


def as_json(command: Command) -> Command:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script.")(command)


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
        type=click.Path(path_type=Path, file_okay=False),
        default=default,
        show_default=default is not None,
        help=text,
    )
