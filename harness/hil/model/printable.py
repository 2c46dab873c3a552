"""Text of somebody else's program, made fit to be shown: in a log, in a terminal, in a report, in a file.

What such a program prints may steer a terminal (ESC), end a line that a runner of CI then reads as a command
of its own, turn the direction of writing, or be no text at all: a file name that is no UTF-8 has surrogates,
which no encoding takes. All of these are shown as escapes; what can be read stays as it is.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

# Control and format characters, surrogates, what is no character, and what ends a line or paragraph.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")  # some languages are not written without
# A command in the older form of runners (GitHub, Azure, TeamCity), which may stand anywhere in a line.
_COMMAND = re.compile(r"(##\w*)\[")
_BYTES = range(0xDC80, 0xDD00)  # what os.fsdecode makes of a byte that is no UTF-8


def printable(text: str) -> str:
    """Return ``text`` as one line that can be shown anywhere."""
    shown = text if text.isprintable() else "".join(map(_shown, text))
    return _COMMAND.sub(r"\1\\x5b", shown)


def printable_lines(text: str) -> str:
    """Return ``text`` with its lines and tabs, and each line fit to be shown."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in lines)


def printable_values(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Return data with every text in it, names too, as ``printable`` has it."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {printable_values(name): printable_values(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [printable_values(inner) for inner in value]
    return value


def _shown(sign: str) -> str:
    if unicodedata.category(sign) not in _HIDDEN or sign in _JOINERS:
        return sign
    code = ord(sign)
    return f"\\x{code - 0xDC00:02x}" if code in _BYTES else sign.encode("unicode_escape").decode()
