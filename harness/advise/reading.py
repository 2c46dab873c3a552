"""Files into what advice is made of; every fault is one line that says what to give instead."""

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.model import history as histories
from harness.model.history import History
from harness.model.sight import Sight
from harness.model.transcript import Attempt, attempts, clean

_ROWS = re.compile(r"^\s*KEY STORAGE\s*$", re.MULTILINE)
# Words of every screen and message of tke, whatever was cut off, in the languages of the page.
_OUTPUT = re.compile(
    r"crypto\s*unit|master\s+key|CRK\s+rewrap|EP11|HTPRequest|signature\s+key|暗号化ユニット|マスター・?[鍵キ]",
    re.IGNORECASE,
)


class BadTranscript(ValueError):
    """What was given cannot be judged at all."""


@dataclass(frozen=True)
class Scrollback:
    """What a transcript says, and how ``tke`` was called in it."""

    history: History
    program: str


def scrollback(data: bytes, where: str, flow: str = "") -> Scrollback:
    """Read a transcript; ``flow``: ``auto`` or ``parts`` where the operator knows it."""
    text = _text(data)
    if not text.strip():
        raise BadTranscript(f"{where} is empty; give the terminal's text from the command line on")
    found = attempts(text)
    if not (any(one.command for one in found) or _OUTPUT.search(text)):
        raise BadTranscript(
            f"{where} holds nothing of tke; give the text of the terminal that it was typed in"
        )
    history = histories.read(found)
    return Scrollback(replace(history, flow=flow or history.flow), _program(found))


def sight(data: bytes, where: str) -> Sight:
    """Read screens: both register tables, and where they are there the list of units and the rows."""
    lines = clean(_text(data)).splitlines()
    seen = histories.look(Sight(), "cryptounit-mks", lines).read("cryptounits", lines)
    if not seen.units:
        raise BadTranscript(f"{where} does not show both tables of 'tke cryptounit-mk' whole; run it again")
    return seen.read("rotation-status", lines) if _ROWS.search("\n".join(lines)) else seen


def _text(data: bytes) -> str:
    """Decode what terminals and shells write; both messages are ASCII in every language."""
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if wide else "utf-8", "replace")


def _program(found: Sequence[Attempt]) -> str:
    cloud = any(re.match(r"\S*(?:ibmcloud|ic|bx)\s", one.typed) for one in found if one.command)
    return "ibmcloud tke" if cloud else "tke"
