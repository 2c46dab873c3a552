"""How the end of a scenario looks: a glyph, a colour and words, so that no reader depends on the colour."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from hil.model.verdicts import Verdict

Record = Mapping[str, Any]


class VerdictLook(Enum):
    """Class of the style sheet, glyph and words; in the order in which a reader has to know of them."""

    WRONG = ("wrong", "✗", "not as documented")
    BROKEN = ("broken", "!", "the bench failed")
    DIFFERS = ("differs", "≠", "two plays of it differ")
    UNREACHED = ("unreached", "?", "crash point not reached")
    MISSING = ("missing", "·", "no result")
    LOSS = ("loss", "▼", "loss confirmed, as documented")
    STUCK = ("stuck", "‖", "stuck, as documented")
    REFUSED = ("refused", "⊘", "refused without effect, as documented")
    KEPT = ("kept", "✓", "every key back, as documented")

    @property
    def css(self) -> str:
        """Class of the style sheet."""
        return self.value[0]

    @property
    def glyph(self) -> str:
        """One character."""
        return self.value[1]

    @property
    def words(self) -> str:
        """What it means."""
        return self.value[2]


_AS_DOCUMENTED = {
    Verdict.RECOVERED: VerdictLook.KEPT,
    Verdict.DATA_LOST: VerdictLook.LOSS,
    Verdict.STUCK: VerdictLook.STUCK,
}
_VOID = {Verdict.NOT_FIRED: VerdictLook.UNREACHED, Verdict.HARNESS_ERROR: VerdictLook.BROKEN}


def look(record: Record | None, *, differs: bool = False) -> VerdictLook:
    """Return how a result looks; ``differs``: the audit saw two plays of it go different ways."""
    if record is None:
        return VerdictLook.MISSING
    verdict = Verdict(record["verdict"])
    if verdict in _VOID:
        return _VOID[verdict]
    if not record["as_documented"]:
        return VerdictLook.WRONG
    if differs:
        return VerdictLook.DIFFERS
    if record.get("outcome") == "REFUSED":
        return VerdictLook.REFUSED
    return _AS_DOCUMENTED[verdict]
