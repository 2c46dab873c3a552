"""Outcomes of a cell: one crash state, one thing that an operator does there.

A verdict says what is left in the end. An outcome also tells whether the instance refused: where it did, the
page's own rule is followed afterwards, and only if that brings every key back the refusal had no effect.
"""

from enum import StrEnum

from hil.model.verdicts import Verdict


class Outcome(StrEnum):
    """What came of a procedure in a crash state."""

    PRESERVED = "PRESERVED"  # it was done, and every key came back, if need be by going on as the page says
    LOST = "LOST"  # at least one key is under a master key that no register holds any more
    REFUSED = "REFUSED"  # it was refused without effect, and the page's rule brought every key back
    # Every key is still there, and neither the procedure nor the page leads on; or the operator waits for
    # ever, also where the instance is complete.
    STUCK = "STUCK"


VERDICT = {
    Outcome.PRESERVED: Verdict.RECOVERED,
    Outcome.LOST: Verdict.DATA_LOST,
    Outcome.REFUSED: Verdict.RECOVERED,
    Outcome.STUCK: Verdict.STUCK,
}


def outcome(verdict: Verdict, *, refused: bool) -> Outcome | None:
    """Return the outcome that a verdict stands for; None where nothing was learned.

    ``refused``: the procedure's own act was refused, and the instance was afterwards as it was before.
    """
    if refused and verdict is Verdict.RECOVERED:
        return Outcome.REFUSED
    return _WITHOUT_REFUSAL.get(verdict)


_WITHOUT_REFUSAL = {
    Verdict.RECOVERED: Outcome.PRESERVED,
    Verdict.DATA_LOST: Outcome.LOST,
    Verdict.STUCK: Outcome.STUCK,
}
