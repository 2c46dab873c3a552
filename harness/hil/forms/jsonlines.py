"""Reading a file of JSON lines, each of one form; what is wrong is a fault with its line and key."""

import json
from collections.abc import Callable, Iterable
from typing import TypeVar

from hil.forms import textfile
from hil.forms.form import Form
from hil.forms.reading import Faulty, FormFault, Problem, sentence, validated

F = TypeVar("F", bound=Form)


def parse(content: str, form: type[F], further: Callable[[F], Iterable[Problem]]) -> tuple[F, ...]:
    """Read each line that is not blank; ``further`` yields what is wrong beyond the form. Raises Faulty."""
    read, faults = [], []
    for number, line in enumerate(content.split("\n"), start=1):
        if line.strip(" \t"):
            one, found = _line(line, form, further)
            faults += [FormFault(number, text) for text in found]
            read += [one] if one else []
    if faults:
        raise Faulty(tuple(faults))
    return tuple(read)


def _line(line: str, form: type[F], further: Callable[[F], Iterable[Problem]]) -> tuple[F | None, list[str]]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        sign = textfile.misplaced(line, error.colno)
        return None, [f"{sign} (no JSON: {error.msg})" if sign else f"no JSON: {error.msg}"]
    except (ValueError, RecursionError):
        return None, ["no JSON: a number is too long, or values are nested too deep"]
    read, problems = validated(value, form)
    return read, [sentence(one) for one in (*problems, *(further(read) if read else ()))]
