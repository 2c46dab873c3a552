"""The form of procedure files: the same for the bench, for an editor and for the examples."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from hil.forms.form import keys
from hil.targets.hpcs.model.orders import SELECTORS
from hil.targets.hpcs.operator import book, check, load, schema

ROOT = Path(__file__).resolve().parents[5]
EXAMPLES = sorted((ROOT / "examples" / "procedures").glob("*.toml"))
FILES = {
    **{name: load.text(name) for name in load.names()},
    **{one.stem: one.read_text() for one in EXAMPLES},
}
VALIDATOR = jsonschema.Draft202012Validator(schema.json_schema())
WORD = "@frobnicate me"


def test_the_file_for_editors() -> None:
    """What is shipped is what the program prints; 'python -m …operator.schema' writes it anew."""
    assert json.loads(schema.FILE.read_text()) == schema.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema.json_schema())


@pytest.mark.parametrize("name", FILES)
def test_every_procedure_has_the_form(name: str) -> None:
    """The bench's own procedures and the examples fit the schema as a validator of others reads it."""
    VALIDATOR.validate(tomllib.loads(FILES[name]))


def _broken(value: Any) -> list[Any]:  # noqa: ANN401 - any TOML
    """Return ``value`` with one thing in it broken, for each thing in it."""
    if isinstance(value, dict):
        inner = [{**value, key: one} for key in value for one in _broken(value[key])]
        gone = [{name: one for name, one in value.items() if name != key} for key in value]
        return [*inner, *gone, {**value, "frobnicate": 1}]
    if isinstance(value, list):
        return [
            *([*value[:at], one, *value[at + 1 :]] for at in range(len(value)) for one in _broken(value[at])),
            {},
        ]
    return [WORD, 7, []] if value not in (True, False) else [WORD, 7]


def _has_the_form(value: object) -> bool:
    try:
        schema.ProcedureForm.model_validate(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("name", ["documented", "recover-from-stale-unit", "state-based"])
def test_both_opinions_agree_on_what_is_broken(name: str) -> None:
    """Whatever is broken in a file, the bench complains of its form exactly where the schema does."""
    seen = set()
    for value in _broken(tomllib.loads(FILES[name])):
        ours = _has_the_form(value)
        assert ours == VALIDATOR.is_valid(value), value
        seen.add(ours)
    assert seen == {True, False}  # an optional key left out is no fault


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_examples_can_be_used(file: Path) -> None:
    """Each example is a procedure, and only the right one leaves no doubt."""
    procedure, content = book.read(file)
    assert procedure.name not in load.names()
    assert bool(check.doubts(content)) == (file.stem != "right")


def test_a_name_of_the_bench(tmp_path: Path) -> None:
    """A file may hold one of the bench's own procedures, and may not pass another one off as it."""
    file = tmp_path / "mine.toml"
    file.write_text(load.text("documented"))
    assert book.read(file)[0] == load.builtin("documented")
    file.write_text(file.read_text().replace("expired token", "expired"))
    with pytest.raises(load.BadProcedure, match="comes with the bench; give yours another name"):
        book.read(file)


@pytest.mark.parametrize(
    ("content", "says"), [(None, "No such file"), (b"\xff", "1: byte 0xff is not UTF-8")]
)
def test_what_is_no_text(tmp_path: Path, content: bytes | None, says: str) -> None:
    """A file that is missing or is no text is named."""
    file = tmp_path / "mine.toml"
    if content:
        file.write_bytes(content)
    with pytest.raises(load.BadProcedure, match=f"mine.toml: ?{says}"):
        book.read(file)


def test_a_shelf_of_copies(tmp_path: Path) -> None:
    """A book has the procedures of a folder beside the bench's own, and knows no other."""
    for file in EXAMPLES:
        (tmp_path / file.name).write_text(file.read_text())
    shelf = book.Book.of(tmp_path)
    assert shelf["run-it-again"].title == "Run the rotation again until it is over"
    assert shelf["documented"] == load.builtin("documented")
    with pytest.raises(load.BadProcedure, match="there is no procedure 'another'"):
        shelf["another"]
    assert book.Book.of(tmp_path / "missing") == book.Book()


def test_the_format_is_documented() -> None:
    """docs/procedures.md names every key, condition and selector, and its example is a procedure."""
    text = (ROOT / "docs" / "procedures.md").read_text()
    spans = set(re.findall(r"`([^`\n]+)`", text))
    rule = keys(schema.RuleForm).keys() - {"name"}
    named = {*keys(schema.EvidenceForm), *rule, *SELECTORS, *keys(schema.ExpectForm)}
    assert {*named, "@again", "@ask-a-human"} <= spans
    assert {"name", "kind", "title", "expected", "look", "[[rule]]", "[[expect]]"} <= spans
    (example,) = re.findall(r"^```toml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert load.parse(example, "docs/procedures.md").rules
