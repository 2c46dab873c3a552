"""Verdicts of a scenario, the gate of a campaign and the exit codes."""

from collections.abc import Iterable
from enum import IntEnum, StrEnum


class Verdict(StrEnum):
    """What is left of the keys after the recovery; never a bool."""

    RECOVERED = "RECOVERED"  # every key readable everywhere, rotation complete, workloads run
    DATA_LOST = "DATA_LOST"  # at least one key unreadable
    # No rule applies, or the data is intact but the instance is not usable, or the operator waits for ever,
    # also where the instance is complete.
    STUCK = "STUCK"
    NOT_FIRED = "NOT_FIRED"  # the crash point was not reached, so nothing was learned
    HARNESS_ERROR = "HARNESS_ERROR"  # the bench itself failed


VOID = frozenset({Verdict.NOT_FIRED, Verdict.HARNESS_ERROR})  # nothing was learned of the keys


class Gate(StrEnum):
    """The answer of a whole campaign."""

    PASS = "pass"  # noqa: S105 - a word of the gate, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


class Exit(IntEnum):
    """Exit codes of ``hil``; 64 and 70 are those of sysexits.h."""

    AS_DOCUMENTED = 0
    CONTRADICTED = 1
    INCONCLUSIVE = 2
    USAGE = 64
    HARNESS_ERROR = 70
    INTERRUPTED = 130


EXIT_OF_GATE = {
    Gate.PASS: Exit.AS_DOCUMENTED,
    Gate.FAIL: Exit.CONTRADICTED,
    Gate.INCONCLUSIVE: Exit.INCONCLUSIVE,
    Gate.ERROR: Exit.HARNESS_ERROR,
}


def gate(
    pairs: Iterable[tuple[Verdict, Verdict]],
    planned: int,
    *,
    repeatable: bool = True,
    foreseen: bool = True,
    controlled: bool = True,
    agreed: bool = True,
    probed: bool = True,
    grounded: bool = True,
) -> Gate:
    """Judge a campaign from its (verdict, expected) pairs; ``planned`` scenarios were asked for.

    ``repeatable``: whether the scenarios that were played twice went the same way twice. ``foreseen``:
    whether every outcome is the one that its procedure's author predicts. ``controlled``: whether there were
    faults, and keys to be lost, and every control that was promised. ``agreed``: whether the twin, a second
    opinion, predicted what was seen. ``probed``: whether every probe held. ``grounded``: whether the rotation
    does its work where nobody is killed; else neither a pass nor a contradiction follows from what a kill
    leaves.

    A contradiction outranks everything, a failure of the bench outranks a missing result: whoever reads
    the exit code must not miss lost data because something else went wrong as well.
    """
    seen = list(pairs)
    contradicted = any(verdict is not expected for verdict, expected in seen if verdict not in VOID)
    if grounded and (contradicted or not (foreseen and agreed and probed)):
        return Gate.FAIL
    if any(verdict is Verdict.HARNESS_ERROR for verdict, _ in seen):
        return Gate.ERROR
    if (
        not (repeatable and controlled and grounded)
        or len(seen) < planned
        or not seen
        or any(verdict is Verdict.NOT_FIRED for verdict, _ in seen)
    ):
        return Gate.INCONCLUSIVE
    return Gate.PASS
