"""Plans are read as editors write them, and a line that is none is named."""

import json
import re
from pathlib import Path

import pytest

from hil.engine.errors import BadRunDir
from hil.engine.plan import Origin, read_origin, read_plan, write_plan
from hil.model.scenario import Scenario
from hil.model.verdicts import Verdict
from hil.targets.hpcs.emulator import Shape

PLAN = (
    Scenario.parse("auto/tke@setimm.1-after/documented", Verdict.RECOVERED),
    Scenario.parse("auto/kms@C_WrapKey.7-after/rerun-after-message-1", Verdict.DATA_LOST),
)
ORIGIN = Origin("documented", Shape(operational=1, recovery=1, keys=8), 107)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """A plan of two scenarios, as 'hil plan' writes it."""
    file = tmp_path / "plan.jsonl"
    write_plan(file, PLAN, ORIGIN)
    return file


@pytest.mark.parametrize(
    ("begin", "end", "encoding"),
    [("", "\n", "utf-8"), ("", "\r\n", "utf-8"), ("", "\n", "utf-8-sig"), ("\n", "\n\n", "utf-8-sig")],
    ids=["as written", "CRLF", "byte-order mark", "mark and blank lines"],
)
def test_a_plan_is_read(plan: Path, begin: str, end: str, encoding: str) -> None:
    """What another system's editor has made of a plan is the same plan."""
    plan.write_bytes((begin + plan.read_text().replace("\n", end)).encode(encoding))
    assert read_plan(plan) == PLAN
    assert read_origin(plan) == ORIGIN


def test_a_field_of_a_later_version(plan: Path) -> None:
    """Keys that are not known do not keep a plan from being played."""
    plan.write_text(plan.read_text().replace('"number": ', '"since": "2027", "number": '))
    assert read_plan(plan) == PLAN


def test_a_plan_in_utf_16(plan: Path) -> None:
    """Another encoding is named, with what to do."""
    plan.write_bytes(plan.read_text().encode("utf-16"))
    for read in (read_plan, read_origin):
        with pytest.raises(BadRunDir, match=f"^{re.escape(str(plan))} is UTF-16; save it as UTF-8$"):
            read(plan)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"DATA_LOST"', "“DATA_LOST”", 'typographic quote “; use " instead (no JSON: Expecting value)'),
        ('"DATA_LOST"', "7", "expected: unknown value '7', use RECOVERED"),
        ('"id"', '"ident"', "the key 'id' is missing: the scenario"),
        ("C_WrapKey.7", "C_WrapKey", "id: "),
        ("}, ", "}, ,", "no JSON: "),
        ('"keys": 8', '"keys": "8"', "keys: a text is not a whole number; leave out the quotes"),
        ('"keys": 8', '"keys": true', "keys: true or false is not a whole number"),
        ('"keys": 8, ', "", "with a profile the line has to have units and keys as well"),
        ('"recovery": 1', '"recovery": -1', "units.recovery: the number has to be at least 0"),
        (
            '"recovery": 1',
            '"recovery": 1, "recover": 1',
            "units.recover: unknown key, did you mean 'recovery'?",
        ),
        ('"profile": "documented"', '"profile": null', "profile: null is not a text"),
    ],
)
def test_a_line_that_is_none_is_named(plan: Path, old: str, new: str, says: str) -> None:
    """The second line alone is wrong: it is named with the key, in one line."""
    first, second, _ = plan.read_text().split("\n")
    assert old in second
    plan.write_text(f"{first}\n{second.replace(old, new)}\n")
    for read in (read_plan, read_origin):
        with pytest.raises(BadRunDir) as refused:
            read(plan)
        (line,) = str(refused.value).splitlines()
        assert f"{plan}:2: no line of a plan: " in line
        assert says in line


def test_many_lines_that_are_none(plan: Path) -> None:
    """A file of something else is one line, with how many more there are."""
    plan.write_text("".join(json.dumps(number) + "\n" for number in range(1000)))
    with pytest.raises(BadRunDir, match=r":1: no line of a plan: a number is not a table \(and 999 more\)$"):
        read_plan(plan)
