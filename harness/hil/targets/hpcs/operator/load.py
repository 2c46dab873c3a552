"""Read procedures from TOML; what is wrong with a file is a line a fault, with its place."""

from functools import cache
from importlib.resources import files
from pathlib import Path

from hil.forms.reading import Faulty, FormFault
from hil.targets.hpcs.model.rules import Expectation, Procedure, Rule
from hil.targets.hpcs.operator import schema


class BadProcedure(ValueError):
    """A procedure file that cannot be used; the author of the file is at fault."""


@cache
def builtin(name: str) -> Procedure:
    """Return one of the procedures that come with the bench."""
    return parse(text(name), name)


def text(name: str) -> str:
    """Return the file of one of the procedures that come with the bench."""
    source = files("hil.targets.hpcs.operator") / "procedures" / f"{name}.toml"
    if not source.is_file():
        raise BadProcedure(f"there is no procedure '{name}', known are: {', '.join(names())}")
    return source.read_text()


def names() -> list[str]:
    """Names of the procedures that come with the bench."""
    entries = (Path(entry.name) for entry in (files("hil.targets.hpcs.operator") / "procedures").iterdir())
    return sorted(entry.stem for entry in entries if entry.suffix == ".toml")


def parse(content: str, where: str) -> Procedure:
    """Read one procedure; ``where`` names it in errors."""
    try:
        read = schema.read(content)
    except Faulty as error:
        raise BadProcedure(error.described(where)) from error
    return Procedure(
        name=read.name,
        kind=read.kind,
        title=read.title,
        expected=read.expected,
        rules=tuple(
            Rule(rule.name, rule.source, rule.when.values, tuple(rule.run), tuple(rule.prepare))
            for rule in read.rule
        ),
        look=tuple(read.look),
        expectations=tuple(Expectation(one.when.values, one.outcome, one.why) for one in read.expect),
    )


def faults(content: str) -> tuple[FormFault, ...]:
    """Return what is wrong with a file, in the order of its lines."""
    try:
        schema.read(content)
    except Faulty as error:
        return error.faults
    return ()
