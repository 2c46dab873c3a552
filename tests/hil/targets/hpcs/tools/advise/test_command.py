"""``hil advise`` as a command: files in, lines or JSON out, exit codes."""
# ruff: noqa: RUF001 - Japanese text has brackets and widths of its own

import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.cli import main
from hil.targets.hpcs.model.history import Doubt, Hazard
from hil.targets.hpcs.operator import load
from hil.targets.hpcs.tools.advise import warnings, words
from hil.targets.hpcs.tools.advise.advice import Answer, Reason, RotationPhase
from tests.hil.targets.hpcs.tools.advise.conftest import cases

KILLED = next(case for case in cases() if case.id.startswith("auto/kms@")).crashed
PROMOTED = next(case for case in cases() if case.id == "auto/tke@setimm.1-after/documented")
LOOKED = list(PROMOTED.moments())[1].screen


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A transcript that decides."""
    path = tmp_path / "transcript.txt"
    path.write_text(KILLED)
    return path


def test_what_a_person_reads(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Commands first, then why, the lines with their numbers, what never to run, and what to check."""
    assert main(["advise", str(file)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Run, in this order:\n  tke cryptounit-mk-rotate\n\nWhy:\n")
    number = KILLED.split("\n").index("Error sending rewrap request to the key management service.") + 1
    assert f"  - {number}: Error sending rewrap request to the key management service.\n" in out
    assert "  - tke auto-mk-rotate: destroys" in out
    assert "\nAfterwards:\n" in out


def test_in_japanese(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same advice in the words of the page's Japanese edition; messages and commands stay as they are."""
    assert main(["advise", str(file), "--lang", "ja"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("次のコマンドをこの順に実行してください。\n  tke cryptounit-mk-rotate\n\n理由:\n")
    assert "新規マスター鍵レジスターの値が失われ" in out
    assert "Delaying 30 seconds" in out
    assert "page" not in out


def test_json(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Machines read the same: commands, facts, lines, and reasons in words."""
    file.write_text(LOOKED.removesuffix("$ ").replace("$ ", "me@host:~$ ibmcloud tke ") + "me@host:~$ ")
    assert main(["advise", str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["answer"] == "run"
    assert told["commands"] == [
        {"command": "ibmcloud tke cryptounit-rm", "units": [1]},
        {"command": "ibmcloud tke cryptounit-mk-setimm", "units": []},
    ]
    assert told["rule"]["source"].startswith("page, branch 3")
    assert (told["flow"], told["messages"], told["promotion"]) == ("auto", {"1": True, "2": True}, "some")
    assert [quote["line"] for quote in told["evidence"]] == sorted(
        quote["line"] for quote in told["evidence"]
    )
    assert {never["command"] for never in told["never"]} >= {"ibmcloud tke auto-mk-rotate"}


def test_registers_from_a_file(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Screens may stand in a file of their own."""
    file.write_text(PROMOTED.crashed)
    assert main(["advise", str(file)]) == 2
    assert "tke cryptounit-mk\n" in capsys.readouterr().out
    registers = tmp_path / "registers.txt"
    registers.write_text(LOOKED.rpartition("$ cryptounit-mks\n")[2].removesuffix("$ "))
    assert main(["advise", str(file), "--registers", str(registers)]) == 0
    out = capsys.readouterr().out
    assert "  tke cryptounit-rm    (when asked, type: 1)\n  tke cryptounit-mk-setimm\n" in out
    assert "  - crypto unit 1: CURRENT " in out


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A dash is standard input; a shell that writes UTF-16 is read too."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(KILLED.encode("utf-16"))))
    assert main(["advise", "-"]) == 0
    assert "cryptounit-mk-rotate" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "says"), [(b"", "is empty"), (b"nothing\n", "holds nothing of tke"), (None, "No such file")]
)
def test_bad_input(
    content: bytes | None, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be judged at all is one line on stderr and exit code 64."""
    path = tmp_path / "given.txt"
    if content is not None:
        path.write_bytes(content)
    assert main(["advise", str(path)]) == 64
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert says in err


def test_bad_registers(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of registers without registers is refused."""
    assert main(["advise", str(file), "--registers", str(file)]) == 64
    assert "does not show both tables" in capsys.readouterr().err


def test_everything_has_words() -> None:
    """Every answer, reason, doubt and hazard has both languages, and every phase says what never to run."""
    for kinds, table in (
        (Answer, words.ANSWERS),
        (Reason, words.REASONS),
        (Doubt, words.DOUBTS),
        (Hazard, words.HAZARDS),
        (words.AdviceHeading, words.HEADINGS),
    ):
        assert set(table) == set(kinds)
        for text in table.values():
            assert text.en.isascii()
            assert any("぀" <= sign <= "鿿" for sign in text.ja)
    assert set(warnings.NEVER) == set(RotationPhase)


def _japanese() -> Iterator[str]:
    """Sentences of the Japanese texts."""
    tables = (words.ANSWERS, words.REASONS, words.DOUBTS, words.HAZARDS)
    yield from (text.ja for table in tables for key, text in table.items() if key != Reason.RULE)
    yield from (text.ja for pairs in warnings.NEVER.values() for _, text in pairs)
    yield from (
        text.ja for text in (*warnings.VERIFY, words.HOLDS, words.PRECHECK, words.WARNING, words.AGAIN)
    )
    yield from (text.ja for text in (words.DESELECT, words.TOKEN_FIRST, words.CONTRADICTED))


def test_japanese_sentences_end_alike() -> None:
    """Every Japanese sentence is a polite one with its full stop; a rule is named as a case."""
    for text in _japanese():
        for sentence in re.sub(r"（[^）]*）", "", text).rstrip("。").split("。"):
            assert sentence.endswith(("ます", "ません", "です", "ください")), text
        assert text.endswith("。"), text
    assert all(re.fullmatch(r".*場合（.+）", name) for name in words.RULES_JA.values())


def test_japanese_questions(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is to be typed is told apart from how: numbers in quotation marks, the list in words."""
    file.write_text(LOOKED)
    main(["advise", str(file), "--lang", "ja"])
    assert "（入力" not in (out := capsys.readouterr().out)
    assert "入力を求められたら、「1」と入力してください" in out
    file.write_text("Committing the master key value\n$ ")
    main(["advise", str(file), "--lang", "ja"])
    assert "入力を求められたら、一覧にあるすべての番号を入力してください" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("lang", "says"), [("en", "names the expired token before"), ("ja", "ログインし直しても")]
)
def test_token_first(lang: str, says: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After message 1 an expired token does not lead to a rerun, though the page names the token first."""
    file.write_text(
        f"{KILLED.partition('FAILED')[0]}FAILED\n"
        "Error sending rewrap request to the key management service.\nStatus code: 401\n$ "
    )
    assert main(["advise", str(file), "--lang", lang]) == 0
    out = capsys.readouterr().out
    assert "tke login\n  tke cryptounit-mk-rotate\n" in out
    assert says in out


def test_every_rule_has_its_name_in_japanese() -> None:
    """No rule that can be advised is told in English to a reader of Japanese, and no text is left over."""
    procedures = (load.builtin("documented"), load.builtin("state-based"))
    rules = {rule.name for procedure in procedures for rule in procedure.rules if not rule.asks}
    assert set(words.RULES_JA) == rules
