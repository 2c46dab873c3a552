"""Recordings, encodings, and files that are no text at all."""

import json

import pytest

from hil.targets.hpcs.tools.advise.reading import BadTranscript, scrollback
from tests.hil.targets.hpcs.tools.advise.conftest import advice, typed
from tests.hil.targets.hpcs.tools.advise.test_attempts import AUTO, FIRST, MADE

TEXT = f"{AUTO}{MADE}{FIRST}$ "
CRLF = [f"{line}\r\n" for line in TEXT.split("\n")]


def _cast(version: int) -> str:
    if version == 1:
        frames = [[0.1, line] for line in CRLF]
        return json.dumps({"version": 1, "width": 80, "height": 24, "stdout": frames}, indent=1)
    events = [json.dumps([0.1, "o", line]) for line in CRLF]
    return "\n".join(
        [json.dumps({"version": version}), '[0.1, "i", "y"]', "# a comment", *events, '[0.2, "x", "0"]']
    )


@pytest.mark.parametrize("version", [1, 2, 3])
def test_asciinema(version: int) -> None:
    """What a recording has printed is read, in each version of the format."""
    assert typed(advice(_cast(version))) == ("cryptounit-mk-rotate",)


def test_script_with_a_command() -> None:
    """A recording of one command alone begins and ends with it; without its last line it has no end."""
    output = TEXT.partition("\n")[2].removesuffix("$ ")
    head = 'Script started on 2026-11-28 16:51:02+00:00 [COMMAND="tke auto-mk-rotate" TERM="xterm"]\n'
    assert typed(advice(f'{head}{output}Script done on x [COMMAND_EXIT_CODE="137"]\n')) == (
        "cryptounit-mk-rotate",
    )
    assert "no-end" in advice(head + output).doubts


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp932", "latin-1"]
)
def test_encodings(encoding: str) -> None:
    """Both messages are read in whatever a terminal or an editor has written."""
    history = scrollback(TEXT.encode(encoding), "the transcript").history
    assert history.message1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x1f\x8b\x08\x00rest", "is gzip, compressed"),
        (b"PK\x03\x04rest", "is zip, compressed"),
        (b"\x89PNG\r\n\x1a\n", "is a picture"),
        (b"%PDF-1.7", "is a PDF"),
        (bytes(400), "no text"),
    ],
)
def test_no_text(data: bytes, says: str) -> None:
    """What is no text is refused by name, in one line that says what to give."""
    with pytest.raises(BadTranscript, match=says) as refused:
        scrollback(data, "x.bin")
    assert str(refused.value).startswith("x.bin ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("words", ["暗号化ユニット 1 を照会できません", "暗号装置 1 を照会できません"])
def test_both_japanese_words_for_a_crypto_unit(words: str) -> None:
    """Output is known by either word that the page's Japanese edition has for a crypto unit."""
    assert scrollback(f"{words}\n".encode(), "x").history.doubts
