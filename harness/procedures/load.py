"""Read procedures from TOML; what is wrong with a file is one error that names the line."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from operator import attrgetter
from pathlib import Path
from typing import Any

from harness.model.outcome import Outcome
from harness.model.rules import LOOK, Expectation, Procedure, ProcedureKind, Rule
from harness.model.verdicts import Verdict
from harness.procedures import schema
from harness.procedures.places import line_of, places

_SYNTAX = re.compile(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column \d+|end of document)\)")


class BadProcedure(ValueError):
    """A procedure file that cannot be used; the author of the file is at fault."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file, or doubtful in it, and on which line."""

    line: int
    text: str


@cache
def builtin(name: str) -> Procedure:
    """Return one of the procedures that come with the bench."""
    return parse(text(name), name)


def text(name: str) -> str:
    """Return the file of one of the procedures that come with the bench."""
    source = files("harness.procedures") / f"{name}.toml"
    if not source.is_file():
        raise BadProcedure(f"there is no procedure '{name}', known are: {', '.join(names())}")
    return source.read_text()


def names() -> list[str]:
    """Names of the procedures that come with the bench."""
    entries = (Path(entry.name) for entry in files("harness.procedures").iterdir())
    return sorted(entry.stem for entry in entries if entry.suffix == ".toml")


def parse(content: str, where: str) -> Procedure:
    """Read one procedure; ``where`` names it in errors."""
    for fault in faults(content):
        raise BadProcedure(f"{where}:{fault.line}: {fault.text}")
    value = tomllib.loads(content)
    return Procedure(
        name=value["name"],
        kind=ProcedureKind(value["kind"]),
        title=value["title"],
        expected=Verdict(value["expected"]),
        rules=tuple(map(_rule, value["rule"])),
        look=tuple(value.get("look", (LOOK,))),
        expectations=tuple(map(_expectation, value.get("expect", ()))),
    )


def faults(content: str) -> Iterator[Fault]:
    """Yield what is wrong with a file, in the order of its lines."""
    try:
        value = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        yield _no_toml(str(error), content)
        return
    problems = list(schema.problems(value))
    lines = places(content) if problems else {}
    found = (Fault(line_of(lines, problem.path), problem.text) for problem in problems)
    yield from sorted(found, key=attrgetter("line"))


def _no_toml(error: str, content: str) -> Fault:
    """Return what the parser says, whose errors have their position in the text alone."""
    place = _SYNTAX.fullmatch(error)
    if place is None:
        return Fault(1, f"no TOML: {error}")
    return Fault(int(place["line"] or content.count("\n") + 1), f"no TOML: {place['what']}")


def _rule(value: dict[str, Any]) -> Rule:
    when = _when(value["when"])
    run, prepare = tuple(value["run"]), tuple(value.get("prepare", ()))
    return Rule(value["name"], value["source"], when, run, prepare)


def _expectation(value: dict[str, Any]) -> Expectation:
    return Expectation(_when(value["when"]), Outcome(value["outcome"]), value["why"])


def _when(value: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Return conditions with the values that each may have."""
    return {key: tuple(want) if isinstance(want, list) else (want,) for key, want in value.items()}
