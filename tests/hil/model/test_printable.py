"""Text of other programs, made fit to be shown."""

import json
import unicodedata
from xml.etree import ElementTree as ET

import pytest

from hil.model.printable import printable, printable_lines, printable_values

EVIL = {
    "left \x1b[31mbehind\x00": r"left \x1b[31mbehind\x00",
    "left\n::warning::no": r"left\n::warning::no",
    "left\r\n::error::no": r"left\r\n::error::no",
    "key-\udcff.tmp": r"key-\xff.tmp",
    "half \ud83d of a pair": r"half \ud83d of a pair",
    "\x9b31m \x85 \x7f": r"\x9b31m \x85 \x7f",
    "a\u2028b\u2029c\x0bd\x0ce": r"a\u2028b\u2029c\x0bd\x0ce",
    "\u202egro.live\u2066": r"\u202egro.live\u2066",
    "\ufeffmark \ufffe": r"\ufeffmark \ufffe",
    "##[error]no ##vso[task]no": r"##\x5berror]no ##vso\x5btask]no",
    "tab\there": r"tab\there",
}
PLAIN = (
    "left behind: key.tmp",
    "Schlüssel größer",
    "鍵 🔑 👩\u200d💻",
    "\u0645\u06cc\u200c\u062e\u0648\u0631\u0645",
    "# [1] \\n <b>&amp; ]]>",
)


@pytest.mark.parametrize("text", EVIL)
def test_what_steers_is_shown(text: str) -> None:
    """What could steer a terminal, a runner or an encoder stands there as an escape."""
    shown = printable(text)
    assert shown == EVIL[text]
    assert printable(shown) == shown


def test_every_character() -> None:
    """Of all characters none is left that no file takes, that XML forbids, or that ends a line."""
    odd = (*range(0x3100), *range(0xD700, 0x10100), *range(0x1F400, 0x1F500), *range(0xE0000, 0xE0100))
    shown = printable("".join(map(chr, odd)))
    shown.encode()
    assert len(shown.splitlines()) == 1
    element = ET.Element("text")
    element.text = shown
    assert ET.fromstring(ET.tostring(element)).text == shown  # noqa: S314 - made here
    assert {unicodedata.category(sign) for sign in shown} & {"Cc", "Cs", "Zl", "Zp"} == set()


@pytest.mark.parametrize("text", PLAIN)
def test_what_can_be_read_stays(text: str) -> None:
    """Letters, marks, joined signs and backslashes of any language stay as they are."""
    assert printable(text) == printable_lines(text) == text


def test_lines_stay_lines() -> None:
    """A transcript keeps its lines and tabs, however they ended, and nothing else that steers."""
    assert printable_lines("a\tb\r\nc\x1b[0m\n\rd") == "a\tb\nc\\x1b[0m\n\\rd"


def test_data_keeps_its_shape() -> None:
    """Texts inside of data are made fit, in names as well; numbers and nothing are left alone."""
    value = {"a\x00": ["b\n", 1, None, {"c": ("\udcff",)}], "d": True}
    assert printable_values(value) == {"a\\x00": ["b\\n", 1, None, {"c": ["\\xff"]}], "d": True}
    json.dumps(printable_values(value), ensure_ascii=False).encode()
