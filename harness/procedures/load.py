"""Read procedures from TOML; every fault in a file is one error that names file and rule."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from harness.model.rules import CONDITIONS, Procedure, ProcedureKind, Rule
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
        )
    except KeyError as error:
        raise BadProcedure(f"{where}: the key {error} is missing") from error
    except (tomllib.TOMLDecodeError, ValueError) as error:
        raise BadProcedure(f"{where}: {error}") from error


def _rule(value: dict[str, Any], where: str) -> Rule:
    unknown = set(value["when"]) - set(CONDITIONS)
    if unknown:
        known = ", ".join(CONDITIONS)
        raise BadProcedure(f"{where}, rule '{value['name']}': unknown condition {min(unknown)}, use {known}")
    when = {key: tuple(want) if isinstance(want, list) else (want,) for key, want in value["when"].items()}
    return Rule(value["name"], value["source"], when, tuple(value["run"]))
