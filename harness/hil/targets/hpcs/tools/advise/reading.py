"""Files into what advice is made of; every fault is one line that says what to give instead."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hil.targets.hpcs.model import following
from hil.targets.hpcs.model import history as histories
from hil.targets.hpcs.model.history import History
from hil.targets.hpcs.model.sight import Sight
from hil.targets.hpcs.model.transcript import Attempt, attempts, clean
from hil.targets.hpcs.tools.advise import recordings

_ROWS = re.compile(r"^\s*KEY STORAGE\s*$", re.MULTILINE)
# Words of every screen and message of tke, whatever was cut off, in the languages of the page.
_OUTPUT = re.compile(
    r"crypto\s*unit|master\s+key|CRK\s+rewrap|EP11|HTPRequest|signature\s+key|暗号化?ユニット|暗号装置|マスター・?[鍵キ]",
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
    text = _text(data, where)
    if not text.strip():
        raise BadTranscript(f"{where} is empty; give the terminal's text from the command line on")
    found = attempts(text)
    if not (any(one.command for one in found) or _OUTPUT.search(text)):
        raise BadTranscript(
            f"{where} holds nothing of tke; give the text of the terminal that it was typed in"
        )
    history = following.read(found)
    return Scrollback(replace(history, flow=flow or history.flow), _program(found))


def sight(data: bytes, where: str, instance: str = "") -> Sight:
    """Read screens: both register tables, and where they are there the list of units and the rows.

    ``instance``: the service instance that is rotated, where it is known; of several only that one counts.
    """
    lines = clean(_text(data, where)).split("\n")
    seen = histories.look(Sight(), "cryptounit-mks", lines, instance).read("cryptounits", lines, instance)
    if not seen.instances:
        raise BadTranscript(f"{where} does not show both tables of 'tke cryptounit-mk' whole; run it again")
    return seen.read("rotation-status", lines, instance) if _ROWS.search("\n".join(lines)) else seen


def _text(data: bytes, where: str) -> str:
    try:
        return recordings.text(data)
    except recordings.NoText as error:
        raise BadTranscript(f"{where} {error}") from error


def _program(found: Sequence[Attempt]) -> str:
    cloud = any(re.match(r"\S*(?:ibmcloud|ic|bx)\s", one.typed) for one in found if one.command)
    return "ibmcloud tke" if cloud else "tke"
