"""Text that a person hands in, as editors of all kinds write it.

A byte-order mark and CRLF are read. What is no UTF-8 is refused by its name. Signs that an editor or a web
page has put in place of plain ones are named where a parser stumbles over them: it says "invalid" only.
"""

import codecs
import unicodedata
from pathlib import Path

# Longest first: the mark of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_QUOTES = dict.fromkeys("“”„‟«»″〝〞", '"') | dict.fromkeys("‘’‚‛‹›′", "'")  # noqa: RUF001 - meant
_DASHES = "‐‑‒–—―−"  # noqa: RUF001 - meant


class NotText(ValueError):
    """A file that is no text in UTF-8; the message names the file and what to do."""


def read(path: Path) -> str:
    """Return the text of a file, lines ended by line feeds alone; raises OSError or NotText."""
    return decoded(path.read_bytes(), str(path))


def decoded(content: bytes, name: str) -> str:
    """Return bytes as ``read`` returns those of a file; ``name`` stands in the error. Raises NotText."""
    if form := _form(content):
        raise NotText(f"{name} is {form}; save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise NotText(f"{name}:{line}: byte 0x{byte:02x} is not UTF-8; save the file as UTF-8") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise NotText(f"{name}:{line}: a NUL byte; this is no text file")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _form(content: bytes) -> str:
    """Return the encoding of what is not UTF-8 where its beginning gives it away, else nothing."""
    for mark, form in _MARKS:
        if content.startswith(mark):
            return form
    # without a mark: of each pair of bytes of plain text one is zero, and always the same one
    head = content[: min(len(content), 64) // 2 * 2]
    zeros = [sum(byte == 0 for byte in head[side::2]) for side in (0, 1)]
    return "UTF-16" if head and max(zeros) == len(head) // 2 and min(zeros) == 0 else ""


def misplaced(line: str, column: int = 1) -> str:
    """Return the first sign from ``column`` on (from 1), else of the line, that stands for a plain one.

    In words, with what to write instead; empty where there is none.
    """
    texts = (line[column - 1 :], line)
    return next((said for text in texts for sign in text if (said := _instead(sign))), "")


def _instead(sign: str) -> str:
    """Return what is wrong with a sign, and what to write in its place."""
    if sign.isascii() or (sign.isprintable() and sign.isalnum()):
        return ""
    code = f"U+{ord(sign):04X}"
    if sign in _QUOTES:
        return f"typographic quote {sign}; use {_QUOTES[sign]} instead"
    if unicodedata.category(sign) == "Zs":
        name = "no-break space" if sign in "\u00a0\u202f" else unicodedata.name(sign).lower()
        return f"{name} ({code}); use a plain space instead"
    if not sign.isprintable():
        return f"invisible sign {code}; remove it"
    if sign in _DASHES:
        return f"typographic dash {sign}; use - instead"
    plain = unicodedata.normalize("NFKC", sign)
    return f"sign {sign} ({code}); use {plain} instead" if plain.isascii() else ""
