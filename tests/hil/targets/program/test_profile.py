"""Profiles that cannot be used are refused in one line."""

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from hil.cli import main
from hil.forms.form import keys
from hil.model.faults import BadId, When
from hil.model.verdicts import Exit, Verdict
from hil.targets.program import form
from hil.targets.program.ledger import BadAnswer, CheckSight, KeyStanding, verdict
from hil.targets.program.point import Counting, ProgramPoint, ProgramScenario
from hil.targets.program.profile import BadProfile, ProgramProfile, load

Toy = Callable[[str], ProgramProfile]
ROOT = Path(__file__).resolve().parents[4]
EXAMPLES = ROOT / "examples" / "sut"

WRONG = {
    'flow = "rotate"': ("", "1: the key 'flow' is missing: the rotation"),
    'victim = "tool"': ('victim = "The Tool"', "4: victim: 'The Tool' is not a name of small letters"),
    'rotate = "rotate"': ('rotate = "turn"', "7: rotate: 'turn' is none of the commands, use rotate"),
    'shows = ["rotated"] }': (
        'shows = "rotated" }',
        "15: procedures.rules.shows: a text is not a list; put it",
    ),
    'run = "rotate"': (
        'run = "rotates"',
        "16: procedures.rules.run: 'rotates' is none of the commands, did you",
    ),
    'shows = ["rotated"]': (
        'shows = ["done"]',
        "15: procedures.rules.shows: 'done' is none of the messages, use rotated",
    ),
    'ended = ["killed"]': (
        'ended = ["kiled"]',
        "16: procedures.rules.ended: unknown value 'kiled', did you mean",
    ),
    '{ ended = ["killed"]': (
        '{ after = ["turn"]',
        "16: procedures.rules.after: 'turn' is none of the commands, use rotate",
    ),
    'name = "toy"': ('name = "toy"\nusers = 3', "3: users: unknown key, use name, flow"),
    'rotated = "^rotated"': (
        'rotated = "("',
        "11: messages.rotated: '(' is no regular expression: missing )",
    ),
    'name = "rerun"': (
        'name = "rerun"\nrules = [{}]\n[[procedures]]\nname = "rerun"',
        "there is a procedure 're",
    ),
    'ended = ["ok"]': ('ended = "ok"', "15: procedures.rules.ended: a text is not a list; put it in [ ]"),
    '{ ended = ["ok"]': ("{ ended = []", "15: procedures.rules.ended: the list is empty"),
    '{ ended = ["killed"], ': ('{ lacks = "rotated", ', "16: procedures.rules.lacks: a text is not a list"),
    'run = "rotate" },': ("run = 1 },", "16: procedures.rules.run: a number is not a text; put it in quotes"),
    "rules = [": ('kind = "odd"\nrules = [', "14: procedures.kind: unknown value 'odd', use documented"),
    "[[procedures]]\n": (
        '[[procedures]]\nkin = "x"\n',
        "13: procedures.kin: unknown key, did you mean 'kind'?",
    ),
    'name = "rerun"\n': (
        'name = "rerun"\nexpected = "NOT_FIRED"\n',
        "14: procedures.expected: unknown value",
    ),
    '"^rotated"': ("“^rotated”", '11: typographic quote “; use " instead (no TOML: Invalid value)'),
}


@pytest.mark.parametrize("right", WRONG)
def test_what_is_wrong_is_named(toy: Toy, right: str) -> None:
    """A profile with one mistake is refused in one line, which names file, line, key and what to do."""
    path = toy("careful").path
    wrong, text = WRONG[right]
    path.write_text(path.read_text().replace(right, wrong))
    with pytest.raises(BadProfile) as refused:
        load(path)
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"{path}:")
    assert text in line


OF_ANOTHER_KIND = {
    'ignore = "*.log"': "ignore: a text is not a list; put it in [ ]",
    'needs = "cryptsetup"': "needs: a text is not a list; put it in [ ]",
    'files = "tool.py"': "files: a text is not a list; put it in [ ]",
    'version = "--version"': "version: a text is not a list; put it in [ ]",
    "version = [1]": "version: a number is not a text; put it in quotes",
    'alone = "false"': "alone: a text is not true or false; leave out the quotes",
    "alone = 0": "alone: a number is not true or false",
    'seconds = "60"': "seconds: a text is not a number; leave out the quotes",
    "seconds = true": "seconds: true or false is not a number",
    "seconds = 0": "seconds: the number has to be more than 0",
    "seconds = nan": "seconds: the number has to be",
    "seconds = inf": "seconds: the number has to be finite",
    "install = 2026-11-28": "install: a date is not a text; put it in quotes",
    "environment = { A = 1 }": "environment.A: a number is not a text; put it in quotes",
    'environment = { "A=B" = "c" }': "environment.A=B: 'A=B' is not a name of an environment variable",
    "environment = []": "environment: a list is not a table",
    'ignore = ["*.log", ["a"]]': "ignore: a list is not a text",
    'install = "a\\u0000b"': "install: the text holds a NUL sign; leave it out",
    "ignores = []": "ignores: unknown key, did you mean 'ignore'?",
}


@pytest.mark.parametrize("entry", OF_ANOTHER_KIND)
def test_a_value_of_another_kind_is_refused(toy: Toy, entry: str) -> None:
    """A text is never taken for a list, a number for a text, or a text for true or false."""
    path = toy("careful").path
    path.write_text(f"{entry}\n{path.read_text()}")
    with pytest.raises(BadProfile) as refused:
        load(path)
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"{path}:1: {OF_ANOTHER_KIND[entry]}")


REPLACED = {
    "name": ("12", "2: name: a number is not a text"),
    "setup": ("[]", "the list is empty"),
    "check": ("[]", "the list is empty"),
    "rotate": ('["rotate"]', "a list is not a text"),
    "commands": ("{}", "the table is empty"),
    "procedures": ("[]", "the list is empty"),
    "messages": ('["rotated"]', "a list is not a table"),
}


@pytest.mark.parametrize("name", REPLACED)
def test_what_has_to_be_there(tmp_path: Path, name: str) -> None:
    """An entry that may not be empty, or has another kind, is refused by its name."""
    value, text = REPLACED[name]
    path = tmp_path / "sut.toml"
    path.write_text("\n" + "".join(f"{one} = {has}\n" for one, has in (WHOLE | {name: value}).items()))
    with pytest.raises(BadProfile) as refused:
        load(path)
    first, *_ = str(refused.value).splitlines()
    assert f"{path}:{list(WHOLE).index(name) + 2}: {name}: " in first
    assert text in first


WHOLE = {
    "name": '"n"',
    "flow": '"f"',
    "victim": '"v"',
    "setup": '[["true"]]',
    "rotate": '"go"',
    "commands": '{ go = ["true"] }',
    "check": '["true"]',
    "messages": '{ done = "done" }',
    "environment": '{ A = "b" }',
    "ignore": '["log"]',
    "needs": "[]",
    "seconds": "60",
    "procedures": '[{ name = "again", rules = [{ run = "go" }] }]',
}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize(
    "value", ["5", "1.5", "true", '"text"', "1979-05-27", "[]", "[5]", "[[5]]", "{ a = 5 }", "[{ a = 5 }]"]
)
def test_an_entry_of_any_kind(tmp_path: Path, name: str, value: str) -> None:
    """Whatever stands in an entry, the profile is read or refused, a line each in the words of the bench."""
    path = tmp_path / "sut.toml"
    path.write_text("".join(f"{entry} = {text}\n" for entry, text in (WHOLE | {name: value}).items()))
    try:
        load(path)
    except BadProfile as refused:
        told = str(refused).splitlines()
        assert all(line.startswith(f"{path}:") for line in told)
        assert not any("Input should" in line for line in told)


def test_an_entry_left_as_it_is(tmp_path: Path) -> None:
    """The profile that the others are made of can be used."""
    path = tmp_path / "sut.toml"
    path.write_text("".join(f"{entry} = {text}\n" for entry, text in WHOLE.items()))
    assert load(path).seconds == 60


def test_as_an_editor_of_another_system_writes_it(toy: Toy) -> None:
    """A byte-order mark and CRLF leave the same profile, with the files that it names."""
    profile = toy("careful")
    profile.path.write_bytes(profile.path.read_text().replace("\n", "\r\n").encode("utf-8-sig"))
    again = load(profile.path)
    assert (again.commands, again.parts) == (profile.commands, profile.parts)


def test_every_fault_is_told_at_once(toy: Toy) -> None:
    """Several faults are a line each, in the order of the file."""
    path = toy("careful").path
    path.write_text('ignore = "*"\nalone = "false"\nneeds = "x"\n' + path.read_text())
    with pytest.raises(BadProfile) as refused:
        load(path)
    assert [line.split(":")[1] for line in str(refused.value).splitlines()] == ["1", "2", "3"]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_examples_can_be_read(path: Path) -> None:
    """Every profile that comes with the bench can be loaded, and says how its system is installed."""
    assert load(path).install


def test_the_schema_of_profiles(capsys: pytest.CaptureFixture[str]) -> None:
    """What 'hil sut schema' prints takes every example, and refuses a text where a list belongs."""
    assert main(["sut", "schema"]) == 0
    validator = jsonschema.Draft202012Validator(json.loads(capsys.readouterr().out))
    examples = [tomllib.loads(path.read_text()) for path in EXAMPLES.glob("*.toml")]
    assert examples
    assert all(validator.is_valid(one) and not validator.is_valid(one | {"ignore": "*"}) for one in examples)


def test_the_form_is_documented() -> None:
    """docs/systems-under-test.md names every key of the form."""
    spans = set(re.findall(r"`([^`\n]+)`", (ROOT / "docs" / "systems-under-test.md").read_text()))
    assert {*keys(form.SystemForm), *keys(form.ProgramProcedureForm), *keys(form.ProgramRuleForm)} <= spans


def test_what_is_not_installed(toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A system under test that is not here ends the command with how to install it, and leaves no folder."""
    path = toy("careful").path
    path.write_text('needs = ["{here}/nothing"]\ninstall = "make nothing"\n' + path.read_text())
    assert main(["sut", "run", str(path), "--out", str(tmp_path / "run")]) == Exit.USAGE
    assert "which is not here; install it: make nothing" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_ordinals() -> None:
    """Calls are counted by name and side; a file of the gate is a PKCS#11 call."""
    counting = Counting()
    told = [("write", "f"), ("unlink", "pkcs11/C_WrapKey-before"), ("unlink", "pkcs11/C_WrapKey-after")]
    calls = [counting.call(*one) for one in (*told, *told)]
    assert [call.text for call in calls[3:]] == [
        "write.2-before f",
        "C_WrapKey.2-before",
        "C_WrapKey.2-after",
    ]


def test_ids_can_be_read_back() -> None:
    """An id names its scenario, and one of another victim is refused."""
    point = ProgramPoint("C_WrapKey", 2, When.AFTER)
    scenario = ProgramScenario("rewrap", "barbican-manage", point, "rerun", Verdict.RECOVERED)
    assert ProgramScenario.parse(scenario.id, "barbican-manage", Verdict.RECOVERED) == scenario
    with pytest.raises(BadId):
        ProgramScenario.parse(scenario.id, "tke", Verdict.RECOVERED)


LEDGER = CheckSight({"a": KeyStanding.OLD, "b": KeyStanding.OLD})
SEEN = (
    ({"a": KeyStanding.NEW, "b": KeyStanding.NEW}, True, Verdict.RECOVERED),
    ({"a": KeyStanding.NEW, "b": KeyStanding.NEW}, False, Verdict.STUCK),
    ({"a": KeyStanding.NEW, "b": KeyStanding.OLD}, True, Verdict.STUCK),
    ({"a": KeyStanding.NEW, "b": KeyStanding.BOTH}, True, Verdict.STUCK),
    ({"a": KeyStanding.NEW, "b": KeyStanding.NEW, "c": KeyStanding.NEW}, True, Verdict.STUCK),
    ({"a": KeyStanding.NEW, "b": KeyStanding.GONE}, True, Verdict.DATA_LOST),
    ({"a": KeyStanding.NEW}, True, Verdict.DATA_LOST),
)


@pytest.mark.parametrize(("keys", "done", "expected"), SEEN)
def test_verdicts(keys: dict[str, KeyStanding], done: bool, expected: Verdict) -> None:  # noqa: FBT001
    """A verdict follows from what opens each key of the ledger, and whether the operator had an answer."""
    assert verdict(CheckSight(keys), LEDGER, done=done) is expected


def test_problems_keep_a_recovery_from_being_one() -> None:
    """What a check has found beside the keys counts."""
    sight = CheckSight({"a": KeyStanding.NEW, "b": KeyStanding.NEW}, ("a copy lies there in clear",))
    assert verdict(sight, LEDGER, done=True) is Verdict.STUCK


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "{}",
        '{"keys": {"a": "fine"}}',
        '["a"]',
        '{"keys": {}, "problem": ["a key lies in clear"]}',
        '{"keys": {}, "problems": "a key lies in clear"}',
        '{"keys": {}, "problems": [1]}',
        '{"keys": ["a"]}',
    ],
)
def test_an_answer_that_is_none(answer: str) -> None:
    """A check that prints something else fails, and is not taken for an empty key store."""
    with pytest.raises(BadAnswer, match="the check printed no answer"):
        CheckSight.parse(answer)
