"""Entry point of ``tke``: finds the command, runs it, turns what went wrong into lines and an exit code."""

import os
import sys
from io import FileIO, TextIOWrapper
from typing import TextIO

from hsm_emulator.tke.commands import BY_NAME, COMMANDS, CommandEntry, Function
from hsm_emulator.tke.context import Context, read_settings
from hsm_emulator.tke.errors import Failed, Usage
from hsm_emulator.tke.screen import table
from hsm_emulator.tke.terminal import OperatorTerminal
from hsm_emulator.tke.workstation import Workstation

EXIT_FAILED = 1
EXIT_USAGE = 64
EXIT_INTERRUPTED = 130

_HELP = frozenset({"help", "h", "-h", "--help"})


def main(argv: list[str] | None = None) -> int:
    """Run ``tke`` with the arguments after its name.

    Returns 0 for success, 1 for failed or refused, 64 for wrong usage, 130 for an interrupt.
    """
    terminal = OperatorTerminal(_reader(0), _unbuffered(1), _unbuffered(2))
    try:
        return _guarded(terminal, sys.argv[1:] if argv is None else argv)
    except BrokenPipeError:
        return EXIT_FAILED  # nobody reads, so there is nobody to tell


def _reader(descriptor: int) -> TextIO:
    return open(descriptor, encoding="utf-8", errors="replace", closefd=False)


def _unbuffered(descriptor: int) -> TextIO:
    """Return a text stream that keeps nothing back, so that nothing is left to fail when it is closed."""
    return TextIOWrapper(FileIO(descriptor, "w", closefd=False), "utf-8", "replace", write_through=True)


def _guarded(terminal: OperatorTerminal, arguments: list[str]) -> int:
    try:
        _run(terminal, arguments)
    except Usage as error:
        terminal.complain(str(error))
        return EXIT_USAGE
    except Failed as error:
        terminal.complain("FAILED", *error.lines)
        return EXIT_FAILED
    except KeyboardInterrupt:
        terminal.complain("Interrupted.")
        return EXIT_INTERRUPTED
    except OSError as error:
        terminal.complain("FAILED", f"The workstation reports: {error}")
        return EXIT_FAILED
    return 0


def _run(terminal: OperatorTerminal, arguments: list[str]) -> None:
    if not arguments or arguments[0] in _HELP:
        terminal.say(*_help(arguments[1:]))
        return
    name, *rest = arguments
    entry = _entry(name)
    if _HELP & set(rest):
        terminal.say(*_describe(entry))
        return
    function = _function(entry, rest)
    settings = read_settings(os.environ)
    function(Context(terminal, Workstation(settings.folder), settings))


def _entry(name: str) -> CommandEntry:
    if name not in BY_NAME:
        raise Usage(f"tke: there is no command {name!r}; 'tke help' lists them.")
    return BY_NAME[name]


def _function(entry: CommandEntry, options: list[str]) -> Function:
    option = " ".join(options)
    if option not in entry.functions:
        raise Usage(f"tke: usage: {_usage(entry)}")
    return entry.functions[option]


def _usage(entry: CommandEntry) -> str:
    return f"tke {entry.name} {' | '.join(entry.functions)}".rstrip()


def _help(names: list[str]) -> list[str]:
    if names:
        return _describe(_entry(names[0]))
    rows = [(f"   {', '.join((entry.name, *entry.aliases))}", entry.help) for entry in COMMANDS]
    return [
        "NAME:",
        "   tke - Manages the crypto units of a service instance",
        "USAGE:",
        "   tke COMMAND",
        "",
        *(line.rstrip() for line in table(("COMMANDS:", ""), [*rows, ("   help, h", "Shows help.")])),
        "",
        "ENVIRONMENT:",
        *(f"   {line}" for line in _ENVIRONMENT),
    ]


_ENVIRONMENT = (
    "TKE_INSTANCE         file that lists the crypto units of the service instance",
    "CLOUDTKEFILES        folder of the files of this workstation",
    "TKE_DELAY_SECONDS    delay before the rewrap request of auto-mk-rotate (30)",
    "TKE_CALL_SECONDS     deadline of one request (30)",
    "TKE_REWRAP_SECONDS   deadline of the rewrap of key storage (3600)",
)


def _describe(entry: CommandEntry) -> list[str]:
    lines = ["NAME:", f"   {entry.name} - {entry.help}", "USAGE:", f"   {_usage(entry)}"]
    return [*lines, "ALIAS:", *(f"   {alias}" for alias in entry.aliases)] if entry.aliases else lines


if __name__ == "__main__":
    sys.exit(main())
