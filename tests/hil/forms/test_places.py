"""The line of every key of a TOML file."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from hil.forms.places import Path, line_of, places
from hil.targets.hpcs.operator import load

TEXT = '''\
# a comment with "quotes" and [brackets]
name = "a # no comment"   # a comment
day = 1979-05-27 07:32:00
odd = """
[[rule]]
not = "a key"
"""

[[rule]]
when = { flow = "auto", error = ["none",
  "other"], "message1" = true }
run = [
  # none yet
  "one",
  'two',
]
a.b = 1
[rule.inner]
deep = {}
[[rule]]
run = []
[last]
key = 1
'''
LINES = {
    ("name",): 2,
    ("day",): 3,
    ("odd",): 4,
    ("rule",): 9,
    ("rule", 0): 9,
    ("rule", 0, "when"): 10,
    ("rule", 0, "when", "flow"): 10,
    ("rule", 0, "when", "error"): 10,
    ("rule", 0, "when", "error", 0): 10,
    ("rule", 0, "when", "error", 1): 11,
    ("rule", 0, "when", "message1"): 11,
    ("rule", 0, "run"): 12,
    ("rule", 0, "run", 0): 14,
    ("rule", 0, "run", 1): 15,
    ("rule", 0, "a"): 17,
    ("rule", 0, "a", "b"): 17,
    ("rule", 0, "inner"): 18,
    ("rule", 0, "inner", "deep"): 19,
    ("rule", 1): 20,
    ("rule", 1, "run"): 21,
    ("last",): 22,
    ("last", "key"): 23,
}


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:  # noqa: ANN401 - any TOML
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*path, key)
        yield from _paths(one, (*path, key))


def test_every_form_of_a_key() -> None:
    """Headers, inline tables, dotted and quoted keys and elements have the line on which they begin."""
    assert places(TEXT) == LINES


def test_the_nearest_thing() -> None:
    """What does not stand in the file is looked for where it would have to stand."""
    assert line_of(LINES, ("rule", 1, "name")) == 20
    assert line_of(LINES, ("title",)) == 1


@pytest.mark.parametrize("text", [TEXT, *(load.text(name) for name in load.names())])
def test_as_the_parser_reads_it(text: str) -> None:
    """The paths are those of the value that the standard library makes of the same text."""
    assert set(places(text)) == set(_paths(tomllib.loads(text)))
