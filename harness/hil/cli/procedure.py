"""``hil procedure``: a procedure file by itself, before anything is played."""

import json
from pathlib import Path

import click

from hil.cli import options
from hil.model.verdicts import Exit
from hil.targets.hpcs.operator import book, load, schema
from hil.targets.hpcs.operator.check import doubts
from hil.targets.hpcs.operator.load import BadProcedure


@click.group(
    epilog=options.examples("hil procedure check mine.toml", "hil procedure schema > procedure.json")
)
def procedure() -> None:
    """Check a file of a recovery procedure, or print its form."""


@procedure.command(epilog=options.examples("hil procedure check examples/procedures/right.toml"))
@click.argument("file", type=options.NamedPath(dir_okay=False))
def check(*, file: Path) -> int:
    """Say what is wrong with a procedure file, line by line, or doubtful in it; nothing is played.

    Exit code 64 where it cannot be used. A doubt is none: 'hil validate' shows what comes of it.
    """
    content = book.text(file)
    faults = list(load.faults(content))
    for fault in faults:
        print(f"{file}:{fault.line}: {fault.text}")
    if faults:
        raise BadProcedure(
            f"{file} cannot be used: {len(faults)} to mend, the first on line {faults[0].line}"
        )
    read, _ = book.read(file)
    found = doubts(content)
    for doubt in found:
        print(f"{file}:{doubt.line}: warning: {doubt.text}")
    print(f"{file}: {read.name}, {len(read.rules)} rules, {len(found) or 'no'} warnings")
    return Exit.AS_DOCUMENTED


@procedure.command(name="schema", epilog=options.examples("hil procedure schema > procedure.schema.json"))
def print_schema() -> int:
    """Print the form of a procedure file as JSON Schema, for editors."""
    print(json.dumps(schema.json_schema(), indent=1))
    return Exit.AS_DOCUMENTED


COMMANDS = (procedure,)
