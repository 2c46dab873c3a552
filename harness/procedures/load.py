"""Read procedures from TOML; every fault in a file is one error that names file and rule."""

import tomllib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from harness.model.orders import SELECTORS
from harness.model.outcome import Outcome
from harness.model.rules import CONDITIONS, LOOK, Expectation, Procedure, ProcedureKind, Rule
from harness.model.standing import FACTS
from harness.model.verdicts import Verdict


class BadProcedure(ValueError):
    """A procedure file that cannot be used; the author of the file is at fault."""


def builtin(name: str) -> Procedure:
    """Return one of the procedures that come with the bench."""
    source = files("harness.procedures") / f"{name}.toml"
    if not source.is_file():
        raise BadProcedure(f"there is no procedure '{name}', known are: {', '.join(names())}")
    return parse(source.read_text(), name)


def names() -> list[str]:
    """Names of the procedures that come with the bench."""
    entries = (Path(entry.name) for entry in files("harness.procedures").iterdir())
    return sorted(entry.stem for entry in entries if entry.suffix == ".toml")


def parse(text: str, where: str) -> Procedure:
    """Read one procedure; ``where`` names it in errors."""
    try:
        value = tomllib.loads(text)
        return Procedure(
            name=value["name"],
            kind=ProcedureKind(value["kind"]),
            title=value["title"],
            expected=Verdict(value["expected"]),
            rules=tuple(_rule(rule, where) for rule in value["rule"]),
            look=tuple(value.get("look", (LOOK,))),
            expectations=tuple(_expectation(one, where) for one in value.get("expect", ())),
        )
    except KeyError as error:
        raise BadProcedure(f"{where}: the key {error} is missing") from error
    except (tomllib.TOMLDecodeError, ValueError) as error:
        raise BadProcedure(f"{where}: {error}") from error


def _rule(value: dict[str, Any], where: str) -> Rule:
    place = f"{where}, rule '{value['name']}'"
    when = _when(value["when"], CONDITIONS, place)
    return Rule(
        value["name"],
        value["source"],
        when,
        _commands(value["run"], place),
        _commands(value.get("prepare", ()), place),
    )


def _expectation(value: dict[str, Any], where: str) -> Expectation:
    when = _when(value["when"], FACTS, f"{where}, expectation '{value['why']}'")
    return Expectation(when, Outcome(value["outcome"]), value["why"])


def _when(value: dict[str, Any], known: Sequence[str], place: str) -> dict[str, tuple[Any, ...]]:
    """Return conditions with the values that each may have."""
    unknown = set(value) - set(known)
    if unknown:
        raise BadProcedure(f"{place}: unknown condition {min(unknown)}, use {', '.join(known)}")
    return {key: tuple(want) if isinstance(want, list) else (want,) for key, want in value.items()}


def _commands(entries: Sequence[str], place: str) -> tuple[str, ...]:
    for entry in entries:
        _, _, argument = entry.partition(" ")
        if argument.startswith("@") and argument not in SELECTORS:
            raise BadProcedure(f"{place}: unknown units {argument}, use {', '.join(SELECTORS)}")
    return tuple(entries)
