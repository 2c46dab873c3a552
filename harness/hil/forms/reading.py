"""Reading a file of a form from TOML; what is wrong with it is one line a fault, with place and key."""

import datetime as dt
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hil.forms import textfile
from hil.forms.form import OWN, Form, inner, keys, meant, visible
from hil.forms.places import Path, line_of, places

F = TypeVar("F", bound=Form)

_SYNTAX = re.compile(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)")
_WANTED = {
    "string_type": "a text",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "bool_type": "true or false",
    "float_type": "a number",
    "int_type": "a whole number",
}
_OTHERWISE = {
    "greater_than": "the number has to be more than {gt}",
    "greater_than_equal": "the number has to be at least {ge}",
    "finite_number": "the number has to be finite",
}
_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),
    (str, "a text"),
    ((int, float), "a number"),
    (list, "a list"),
    (type(None), "null"),
    (dict, "a table"),
    ((dt.date, dt.time), "a date"),
)


@dataclass(frozen=True)
class Problem:
    """Something wrong with a value: where it stands, and what to do."""

    path: Path
    text: str


@dataclass(frozen=True)
class FormFault:
    """What is wrong with a file, or doubtful in it, and on which line."""

    line: int
    text: str


class Faulty(ValueError):
    """A file that has not its form."""

    def __init__(self, faults: tuple[FormFault, ...]) -> None:
        super().__init__(f"{len(faults)} to mend")
        self.faults = faults

    def described(self, name: str) -> str:
        """Return a line for each fault; ``name`` is that of the file."""
        return "\n".join(f"{name}:{fault.line}: {fault.text}" for fault in self.faults)


def parse(content: str, form: type[F], further: Callable[[F], Iterable[Problem]]) -> F:
    """Read a text that has a form; ``further`` yields what is wrong beyond that. Raises Faulty."""
    try:
        value = tomllib.loads(content)
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits are no TOMLDecodeError
        raise Faulty((_no_toml(error, content),)) from error
    read, problems = validated(value, form)
    found = [*_with_nul(value, ()), *problems, *(further(read) if read else ())]
    if read is None or found:
        lines = places(content)
        faults = [FormFault(line_of(lines, one.path), sentence(one)) for one in found]
        raise Faulty(tuple(sorted(faults, key=attrgetter("line"))))
    return read


def validated(value: object, form: type[F]) -> tuple[F | None, list[Problem]]:
    """Return a value as its form has it, None where it has not, and what is wrong with it."""
    try:
        return form.model_validate(value), []
    except ValidationError as error:
        return None, [_problem(one, form) for one in error.errors(include_url=False)]


def _with_nul(value: object, path: Path) -> Iterator[Problem]:
    """Yield the texts that no program, file or environment can be given."""
    if isinstance(value, str) and "\0" in value:
        yield Problem(path, "the text holds a NUL sign; leave it out")
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        yield from _with_nul(one, (*path, key))


def _problem(error: ErrorDetails, form: type[Form]) -> Problem:
    path, kind, value = error["loc"], error["type"], error["input"]
    if kind == "missing":
        says = keys(inner(form, path[:-1]) or form).get(str(path[-1]))
        return Problem(path[:-1], f"the key '{path[-1]}' is missing: {says}")
    if kind == "extra_forbidden":
        known = tuple(keys(inner(form, path[:-1]) or form))
        return Problem(path, f"unknown key{meant(path[-1], known)}")
    if kind in _WANTED:
        return Problem(path, f"{_kind(value)} is not {_WANTED[kind]}{_instead(value, kind)}")
    if kind == "too_short":
        return Problem(path, f"{_kind(value).replace('a ', 'the ', 1)} is empty")
    context = error.get("ctx", {})
    if kind == OWN:
        return Problem(path, str(context["text"]))
    return Problem(path, _OTHERWISE[kind].format(**context) if kind in _OTHERWISE else error["msg"])


def _kind(value: object) -> str:
    """Return what a value is. Never the value itself: it may be a PIN in a wrong place."""
    return next((name for types, name in _KINDS if isinstance(value, types)), "this")


def _instead(value: object, kind: str) -> str:
    """Return what to write for a value of another type, where that can be told."""
    if kind == "string_type" and not isinstance(value, dict | list):
        return "; put it in quotes"
    if kind == "list_type" and isinstance(value, str):
        return "; put it in [ ]"
    if kind == "bool_type" and value in ("true", "false"):
        return "; leave out the quotes"
    if kind in ("float_type", "int_type") and isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?", value):
        return "; leave out the quotes"
    return ""


def sentence(problem: Problem) -> str:
    """Return the text of a problem behind the key, as the file has it."""
    names = ".".join(visible(part) for part in problem.path if isinstance(part, str) and part != "[key]")
    return f"{names}: {problem.text}" if names else problem.text


def _no_toml(error: Exception, content: str) -> FormFault:
    """Return what the parser says, whose errors have their position in the text alone."""
    place = _SYNTAX.fullmatch(str(error))
    if place is None:
        deep = isinstance(error, RecursionError)
        return FormFault(1, f"no TOML: {'lists or tables are nested too deep' if deep else error}")
    rows = content.split("\n")
    line, column = int(place["line"] or len(rows)), int(place["column"] or 1)
    if not place["line"] and (beginning := max(content.rfind(marks) for marks in ('"""', "'''"))) >= 0:
        # a text of several lines that never ends: what was meant to end it stands behind its beginning
        first = content.count("\n", 0, beginning) + 1
        line = next((at for at in range(first, len(rows) + 1) if textfile.misplaced(rows[at - 1])), line)
    sign = textfile.misplaced(rows[line - 1], column)
    return FormFault(line, f"{sign} (no TOML: {place['what']})" if sign else f"no TOML: {place['what']}")
