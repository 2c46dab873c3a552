"""Forms of values in a file: what is wrong with a value, and the same form as JSON Schema.

Rejected: a library for JSON Schema. Its complaints are about schemas ("is not valid under any of the given
schemas"); the author of a procedure wants to know what to write instead.
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from harness.procedures.places import Path

Schema = dict[str, Any]


@dataclass(frozen=True)
class Problem:
    """Something wrong with a file: where in it, and what to do."""

    path: Path
    text: str


class Form(Protocol):
    """What a value may be."""

    def problems(self, value: object, path: Path) -> Iterator[Problem]:
        """Yield what is wrong with ``value``, which stands at ``path``."""

    def schema(self) -> Schema:
        """Return the form as JSON Schema."""


@dataclass(frozen=True)
class Text:
    """A text that fits a pattern; ``like`` says in words what fits."""

    pattern: str
    like: str

    def problems(self, value: object, path: Path) -> Iterator[Problem]:
        """See Form."""
        if not isinstance(value, str) or not re.search(self.pattern, value):
            yield Problem(path, f"{said(value)} is not {self.like}")

    def schema(self) -> Schema:
        """See Form."""
        return {"type": "string", "pattern": self.pattern}


@dataclass(frozen=True)
class OneOf:
    """One of some values."""

    values: Sequence[str | bool]

    def problems(self, value: object, path: Path) -> Iterator[Problem]:
        """See Form."""
        if isinstance(value, str | bool) and value in self.values:
            return
        yield Problem(path, f"unknown value {said(value)}{meant(value, self.values)}")

    def schema(self) -> Schema:
        """See Form."""
        return {"enum": list(self.values)}


@dataclass(frozen=True)
class Condition:
    """One of some values, or a list of those that are accepted."""

    of: OneOf

    def problems(self, value: object, path: Path) -> Iterator[Problem]:
        """See Form."""
        if isinstance(value, list):
            yield from ListOf(self.of, least=1).problems(value, path)
        else:
            yield from self.of.problems(value, path)

    def schema(self) -> Schema:
        """See Form."""
        return {"anyOf": [self.of.schema(), ListOf(self.of, least=1).schema()]}


@dataclass(frozen=True)
class ListOf:
    """A list of at least so many."""

    of: Form
    least: int = 0

    def problems(self, value: object, path: Path) -> Iterator[Problem]:
        """See Form."""
        if not isinstance(value, list):
            yield Problem(path, f"{said(value)} is not a list")
        elif len(value) < self.least:
            yield Problem(path, "the list is empty")
        else:
            for number, one in enumerate(value):
                yield from self.of.problems(one, (*path, number))

    def schema(self) -> Schema:
        """See Form."""
        return {"type": "array", "items": self.of.schema(), "minItems": self.least}


@dataclass(frozen=True)
class Key:
    """A key of a table: its form, what it says, and whether it has to be there."""

    form: Form
    text: str
    needed: bool = True


@dataclass(frozen=True)
class Table:
    """Known keys, each with a form of its own."""

    keys: Mapping[str, Key]

    def problems(self, value: object, path: Path) -> Iterator[Problem]:
        """See Form."""
        if not isinstance(value, dict):
            yield Problem(path, f"{said(value)} is not a table")
            return
        for name in value.keys() - self.keys.keys():
            yield Problem((*path, name), f"unknown key '{name}'{meant(name, tuple(self.keys))}")
        for name, key in self.keys.items():
            if name in value:
                yield from key.form.problems(value[name], (*path, name))
            elif key.needed:
                yield Problem(path, f"the key '{name}' is missing: {key.text}")

    def schema(self) -> Schema:
        """See Form."""
        return {
            "type": "object",
            "additionalProperties": False,
            "required": [name for name, key in self.keys.items() if key.needed],
            "properties": {
                name: {"description": key.text, **key.form.schema()} for name, key in self.keys.items()
            },
        }


def said(value: object) -> str:
    """Return a value as the file has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    return f"'{value}'"


def meant(value: object, known: Sequence[str | bool]) -> str:
    """Return what else could have been written: the likeliest first."""
    words = [said(one).strip("'") for one in known]
    near = difflib.get_close_matches(str(value), words, n=1)
    rest = ", ".join(words)
    return f", did you mean '{near[0]}'? Known: {rest}" if near else f", use {rest}"
