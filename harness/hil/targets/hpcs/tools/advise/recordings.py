"""Files as terminals, recorders and editors write them, into the text that stood on the terminal."""

import codecs
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

# Byte-order marks; UTF-32 first, whose mark begins like that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
}
_OTHERS = {b"\x89PNG": "a picture", b"\xff\xd8\xff": "a picture", b"%PDF": "a PDF", b"GIF8": "a picture"}
_WIDE_SHARE_MIN = 0.3
# What `script -c COMMAND` writes above and below what the command printed.
_SCRIPT = re.compile(r'^Script started[^\n]*\[COMMAND="(?P<typed>[^"\n]*)"[^\n]*$', re.MULTILINE)
_SCRIPT_DONE = re.compile(r"^Script done[^\n]*$", re.MULTILINE)


class NoText(ValueError):
    """The file holds no text that can be read; the words say what it is, and what to do."""


def text(data: bytes) -> str:
    """Return the text of a terminal; raises NoText."""
    return _of_script(_of_cast(_decoded(data)))


def _decoded(data: bytes) -> str:
    """Decode what terminals, shells and editors write; both messages are ASCII in every language.

    Single bytes that are not UTF-8 are marked: the lines that hold them prove nothing, the others are read.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    for start, name in (*_PACKED.items(), *_OTHERS.items()):
        if data.startswith(start):
            what = f"{name}, compressed" if start in _PACKED else name
            raise NoText(f"is {what}; give the text itself, as UTF-8")
    if wide := _without_mark(data):
        return data.decode(wide, "replace")
    return data.decode("utf-8", "replace")


def _without_mark(data: bytes) -> str:
    """Name the UTF-16 that has no mark, by where its zero bytes are; raises NoText for other zero bytes."""
    low, high = data[1::2].count(0), data[0::2].count(0)
    half = max(1, len(data) // 2)
    if low >= _WIDE_SHARE_MIN * half > 10 * high:
        return "utf-16-le"
    if high >= _WIDE_SHARE_MIN * half > 10 * low:
        return "utf-16-be"
    if low + high > _WIDE_SHARE_MIN * half:
        raise NoText("holds zero bytes, so it is no text; save it as UTF-8")
    return ""


def _of_cast(recorded: str) -> str:
    """Put together what an asciinema recording (version 1, 2 or 3) has printed; other text stays as it is."""
    lines = recorded.lstrip("\ufeff\r\n ").splitlines()
    header = _json(lines[0]) if lines and lines[0].startswith("{") else None
    if header is None and recorded.lstrip().startswith("{"):
        header = _json(recorded)  # version 1 is one document, on several lines
    if not isinstance(header, dict) or header.get("version") not in (1, 2, 3):
        return recorded
    if header["version"] == 1:
        return "".join(str(printed) for _delay, printed in header.get("stdout", ()))
    return "".join(_printed(lines[1:]))


def _printed(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        event = _json(line) if line.startswith("[") else None
        if isinstance(event, list) and len(event) > 2 and event[1] == "o":
            yield str(event[2])


def _json(line: str) -> Any:  # noqa: ANN401 - JSON of any shape
    try:
        return json.loads(line)
    except ValueError:
        return None


def _of_script(recorded: str) -> str:
    """Write the one command of ``script -c`` as if it had been typed at a prompt; lines stay lines."""
    if not _SCRIPT.search(recorded):
        return recorded
    typed = _SCRIPT.sub(lambda match: f"$ {match['typed']}", recorded)
    return _SCRIPT_DONE.sub("$ exit", typed)
