"""Text that people hand in is read however their editor wrote it, or refused by what it is."""

import re
from pathlib import Path

import pytest

from hil.forms import textfile

TEXT = 'name = "Zürich"\nnext = 1\n'


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r\n").encode("utf-8-sig"),
        TEXT.replace("\n", "\r").encode(),
    ],
    ids=["plain", "mark", "CRLF", "mark and CRLF", "CR"],
)
def test_what_editors_write_is_read(tmp_path: Path, content: bytes) -> None:
    """A byte-order mark and the line ends of other systems leave the same text."""
    file = tmp_path / "file"
    file.write_bytes(content)
    assert textfile.read(file) == TEXT


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (TEXT.encode("utf-16"), "f is UTF-16; save it as UTF-8"),
        (TEXT.encode("utf-16-le"), "f is UTF-16; save it as UTF-8"),
        (TEXT.encode("utf-16-be"), "f is UTF-16; save it as UTF-8"),
        (TEXT.encode("utf-32"), "f is UTF-32; save it as UTF-8"),
        (f"one\n{TEXT}".encode("latin-1"), "f:2: byte 0xfc is not UTF-8; save the file as UTF-8"),
        (b"one\ntwo\0", "f:2: a NUL byte; this is no text file"),
    ],
)
def test_what_is_no_utf_8_is_refused_by_name(content: bytes, says: str) -> None:
    """Other encodings and bytes that are no text are named, with the line where there is one."""
    with pytest.raises(textfile.NotText, match=f"^{re.escape(says)}$"):
        textfile.decoded(content, "f")


@pytest.mark.parametrize("content", [b"", b"x", b"{}\n"])
def test_little_is_text_too(content: bytes) -> None:
    """A file of next to nothing is not taken for another encoding."""
    assert textfile.decoded(content, "f") == content.decode()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("name = “x”", 'typographic quote “; use " instead'),
        ("name = ‘x’", "typographic quote ‘; use ' instead"),  # noqa: RUF001 - meant
        ("name\u00a0= 1", "no-break space (U+00A0); use a plain space instead"),
        ("name\u3000= 1", "ideographic space (U+3000); use a plain space instead"),
        ("name\u200b= 1", "invisible sign U+200B; remove it"),
        ("name = –1", "typographic dash –; use - instead"),  # noqa: RUF001 - meant
        ("name ＝ 1", "sign ＝ (U+FF1D); use = instead"),  # noqa: RUF001 - meant
        ('name = "Zürich, 東京"', ""),
    ],
)
def test_signs_in_place_of_plain_ones(line: str, says: str) -> None:
    """What stands in place of a plain sign is named, with what to write; letters of any script are not."""
    assert textfile.misplaced(line) == says


def test_the_sign_at_the_place_is_meant() -> None:
    """The first sign from the place of the error on is named, and an earlier one where none follows."""
    assert "”" in textfile.misplaced("“a”", 2)
    assert "”" in textfile.misplaced("“a” =", 3)
    assert "“" in textfile.misplaced("“a =", 3)
