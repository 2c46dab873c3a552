"""The table of what ``tke`` prints, held to the emulator's own source and to what it has printed."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.targets.hpcs.model import printed
from hil.targets.hpcs.model.ending import output
from hil.targets.hpcs.model.transcript import attempts
from tests.hil.targets.hpcs.tools.advise.conftest import Case, cases

TKE = Path(__file__).parents[5] / "emulator" / "hsm_emulator" / "tke"
SAYS = {"say", "confirm", "ask", "ask_hidden", "ask_numbers", "_ok"}
FAILS = {"Failed", "refused", "_ask_service", "_damaged"}
# What is free in these outputs: names, numbers, subject key identifiers, and the text of an error.
FREE = re.compile(r"instance.{1,64}?will|by:.{1,60}?>|\d|FAILED.*", re.DOTALL)
# Functions of the emulator whose lines belong to commands in the table.
SAID = {
    ("rotate.py", "auto_rotate"): {printed.AUTO},
    ("rotate.py", "rotate"): {printed.ROTATE},
    ("rotate.py", "_make_and_copy"): {printed.AUTO},
    ("rotate.py", "_commit"): {printed.AUTO},
    ("rotate.py", "_rewrap_and_promote"): {printed.AUTO, printed.ROTATE},
    ("masterkey.py", "load"): {printed.LOAD},
    ("masterkey.py", "commit"): {printed.COMMIT},
    ("masterkey.py", "clear_new"): {printed.CLRNEW},
    ("masterkey.py", "set_immediate"): {printed.SETIMM},
    ("context.py", "unlock"): set(printed.LINES),
}
# Where what stands under FAILED comes from.
FAILING = (
    "rotate", "masterkey", "precheck", "cloud", "cryptounit", "transfer", "context", "sigkey", "signing",
    "mkpart", "workstation", "terminal",
)  # fmt: skip
# Below another first line, or of commands that the table does not have.
NOT_OF_THESE = {
    "Error requesting an access token.",
    "Error querying the key management service.",
    "The password is empty. Nothing was created.",
    "The two passwords differ. Nothing was created.",
}


def _text(node: ast.expr, constants: dict[str, str]) -> str | None:
    """The text of a literal, with 1 for every field."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name):
        return constants.get(node.id)
    if isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "1" for part in node.values)
        return "".join(map(str, parts))
    return None


def _constants(tree: ast.Module) -> dict[str, str]:
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            text = _text(node.value, {})
            if text:
                found[node.targets[0].id] = text
    return found


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _lines() -> Iterator[tuple[str, str]]:
    """Yield each line that these commands say, by command."""
    for (file, function), commands in SAID.items():
        tree = ast.parse((TKE / file).read_text())
        constants = _constants(tree)
        functions = (one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef))
        (body,) = (one for one in functions if one.name == function)
        for call in (one for one in ast.walk(body) if isinstance(one, ast.Call) and _called(one) in SAYS):
            texts = (_text(argument, constants) for argument in call.args)
            yield from ((command, text) for text in texts if text for command in sorted(commands))


def _plain(command: str) -> str:
    """What the table has of a command as one text, with 1 for every field."""
    patterns = "|".join(line.pattern for line in printed.LINES[command]).replace(printed.INSTANCE, "1")
    patterns = patterns.replace("(?:KMS|MKS)", "KMS")
    fields = re.sub(r"\(\?P<\w+>\\d\+\)|\.\{1,60\}\?|\\d[+*]", "1", patterns)
    return re.sub(r"\\(.)", r"\1", fields.replace(r"\([0-9a-f]{4,64}\.\.\.\)", "(1)"))


def _failures() -> Iterator[str]:
    """Yield the first line of each failure."""
    for name in FAILING:
        tree = ast.parse((TKE / f"{name}.py").read_text())
        constants = _constants(tree)
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and _called(call) in FAILS:
                text = _text(call.args[-1 if _called(call) == "_ask_service" else 0], constants)
                if text and " " in text:
                    yield text


def test_every_line_is_in_the_table() -> None:
    """What the emulator's commands say is what the table has of them, word for word."""
    said = set(_lines())
    assert len(said) > 30
    assert [one for one in sorted(said) if printed.signs([one[1]]) not in _plain(one[0])] == []


def test_every_failure_is_in_the_table() -> None:
    """The first line of every failure of these commands is one that the table knows."""
    tables = (printed.NOT_BEGUN, printed.CANCELLED, printed.UNIT_ERRORS, printed.REWRAP_ERRORS)
    known = re.compile("|".join(pattern for table in tables for pattern in table))
    said = set(_failures()) - NOT_OF_THESE
    assert len(said) > 15
    assert [text for text in sorted(said) if not known.match(printed.signs([text]))] == []


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
def test_what_was_printed_is_whole(case: Case) -> None:
    """In the transcripts of campaigns every output of a command in the table is whole, to its last sign."""
    found = [one for one in attempts(f"{case.transcript}$ ") if one.command in printed.LINES]
    assert found
    assert [one for one in found if not output(one).whole] == []


def test_one_sign_less() -> None:
    """No silence is proven by an output that lacks a sign somewhere, one of a name or a number left aside."""
    found = {printed.signs(one.own()) for case in cases() for one in attempts(f"{case.crashed}$ ")}
    silent = [text for text in sorted(found) if printed.read(printed.AUTO, [text]).silent]
    assert len(silent) >= 4
    for text in silent:
        free = [match.span() for match in FREE.finditer(text)]
        for at in range(0, len(text), 5):
            if not any(start <= at < end for start, end in free):
                assert not printed.read(printed.AUTO, [text[:at] + text[at + 1 :]]).silent, text[:at]
