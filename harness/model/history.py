"""What scroll-back says about one rotation: which messages count, and what was done since.

A rotation can take several attempts. Messages of an earlier attempt still count in a later one, because the
value in the NEW registers that they speak of is still there, until

* a rotation has ended well: what stood above is of no account any more;
* ``auto-mk-rotate`` has begun once more: it makes NEW anew, and its own messages count alone. If message 1
  stood above, that was the forbidden rerun, and no rule is right any more (``Hazard``).

An attempt that was refused before it began changes nothing, neither registers nor what counts. Where it is
open whether it began, it did.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from harness.model import ending, screens
from harness.model.evidence import MESSAGE_1, MESSAGE_2, ErrorClass, Evidence
from harness.model.registers import Promotion, promotion
from harness.model.rules import LOOK
from harness.model.sight import Sight
from harness.model.transcript import Attempt

AUTO, PARTS = "auto", "parts"
REGISTERS = frozenset({LOOK, "cryptounit-compare"})  # screens with both register tables
# What a shell says of its jobs: "[1]+  Stopped   tke auto-mk-rotate", after bg "[1]+ tke auto-mk-rotate &".
JOB = re.compile(r"\[\d+\]\s*[-+]?\s+(?:\d+\s+)?(?P<state>(?!tke\b)[A-Za-z]+\b)?")
ALIVE = frozenset({"", "stopped", "suspended", "running", "continued"})
_ERROR_LINES_MAX = 6
_STEPS = frozenset({"cryptounit-mk-load", "cryptounit-mk-commit", "cryptounit-mk-clrnew"})
LOOKS = REGISTERS | {"cryptounits", "rotation-status"}


class Doubt(StrEnum):
    """Why the messages that stand in a transcript do not decide."""

    NO_START = "no-start"  # it begins in the middle of an output
    NO_END = "no-end"  # it ends in the middle of an output, or the command still runs
    NOT_SHOWN = "not-shown"  # the output went into a file or another program
    GAP = "gap"  # the output lacks what comes before an error or a message
    UNNAMED = "unnamed"  # message 2 is part of what another program printed
    NO_ROTATION = "no-rotation"  # no command of a rotation was typed


class Hazard(StrEnum):
    """Something was run after which no rule is right: master keys or key storage may be lost."""

    NEW_REPLACED = "new-replaced"
    NEW_CLEARED = "new-cleared"
    PROMOTED_EARLY = "promoted-early"
    CURRENT_CLEARED = "current-cleared"
    OLD_KEY_BACK = "old-key-back"


@dataclass(frozen=True)
class Quote:
    """A line of the transcript, numbered from 1."""

    line: int
    text: str


@dataclass(frozen=True)
class History:
    """What counts at the end of a transcript.

    ``last``: the attempt of a rotation that came last, ``error`` and ``done`` how it ended;
    ``begun``: key storage may have been rewrapped in part; ``cause``: what stood before a hazard;
    ``sight``: what the screens have shown since.
    """

    flow: str = ""
    last: Attempt | None = None
    error: ErrorClass = ErrorClass.NONE
    done: bool = False
    message1: Quote | None = None
    message2: Quote | None = None
    begun: bool = False
    hazard: Hazard | None = None
    cause: tuple[Quote, ...] = ()
    doubts: frozenset[Doubt] = frozenset()
    sight: Sight = field(default=Sight())

    @property
    def evidence(self) -> Evidence:
        """The facts that rules ask for."""
        return Evidence(
            flow=self.flow,
            command=self.last.command if self.last else "",
            error=self.error,
            message1=self.message1 is not None,
            message2=self.message2 is not None,
        )

    @property
    def over(self) -> bool:
        """Whether a rotation has ended well, and not only a step of one."""
        return self.done and self.evidence.command not in _STEPS

    def quotes(self) -> Iterator[Quote]:
        """Yield the lines that decided, in their order."""
        found = [*self.cause, *(quote for quote in (self.message1, self.message2) if quote)]
        if self.last:
            found.append(Quote(self.last.line, self.last.typed))
            failed = self.last.find(ending.FAILED)
            if failed:
                below = self.last.lines[failed[0] - self.last.first + 1 :][:_ERROR_LINES_MAX]
                found += [
                    Quote(failed[0] + at, text.strip())
                    for at, text in enumerate(below, start=1)
                    if text.strip()
                ]
        yield from sorted(set(found), key=lambda quote: (quote.line, quote.text))


def read(attempts: Sequence[Attempt]) -> History:
    """Follow the attempts from the first to the last one."""
    history = History()
    for attempt in attempts:
        history = _after(history, attempt)
    return replace(history, doubts=history.doubts | set(_at_the_end(history, attempts)))


def _after(history: History, attempt: Attempt) -> History:
    if attempt.command in LOOKS:
        return replace(history, sight=look(history.sight, attempt.command, attempt.lines))
    if not attempt.command:
        return _unnamed(history, attempt)
    effect = _EFFECTS.get(attempt.command)
    if effect is None:
        return history
    ended = replace(history, last=attempt, error=ending.error(attempt), done=False)
    if ending.refused(attempt):
        own = AUTO if attempt.command == "auto-mk-rotate" else PARTS
        return replace(ended, flow=history.flow or own)
    if not attempt.shown:
        ended = replace(ended, doubts=ended.doubts | {Doubt.NOT_SHOWN})
    after = effect(replace(ended, sight=Sight()), history, attempt)
    if after.hazard is history.hazard:
        return after
    return replace(after, cause=(*history.quotes(), Quote(attempt.line, attempt.typed)))


def look(sight: Sight, command: str, lines: Sequence[str]) -> Sight:
    """Add a screen to what was seen; registers only where nothing of the two tables was cut off."""
    if command not in REGISTERS:
        return sight.read(command, lines)
    return sight.read(LOOK, lines) if screens.whole(lines) else sight


def _unnamed(history: History, attempt: Attempt) -> History:
    """Output of something that is not known: the end of a command whose beginning is cut off, or a script."""
    if not attempt.typed and all(JOB.match(line) for line in attempt.lines if line.strip()):
        return history  # the shell tells of jobs when it likes
    if not attempt.typed and ending.ends_a_rotation(attempt):
        return History(done=True, last=attempt)
    first, second = _quoted(attempt)
    doubts = set(history.doubts)
    if not attempt.typed:
        doubts.add(Doubt.NO_START)
    elif second:
        doubts.add(Doubt.UNNAMED)
    if not (first or second):
        return replace(history, doubts=frozenset(doubts))
    return replace(
        history,
        flow=AUTO if first else history.flow,
        message1=first or history.message1,
        message2=second or history.message2,
        begun=True,
        done=False,
        doubts=frozenset(doubts),
        sight=Sight(),
    )


def _auto(ended: History, before: History, attempt: Attempt) -> History:
    first, second = _quoted(attempt)
    if ending.succeeded(attempt):
        return History(flow=AUTO, done=True, last=attempt)
    rerun = before.begun and not before.over and not second
    return replace(
        ended,
        flow=AUTO,
        message1=first,
        message2=second,
        begun=bool(first or second),
        hazard=Hazard.NEW_REPLACED if rerun else None,
        doubts=_fresh(ended, before),
    )


def _rotate(ended: History, before: History, attempt: Attempt) -> History:
    if ending.succeeded(attempt):
        return History(flow=before.flow or PARTS, done=True, last=attempt)
    second = _quoted(attempt)[1] or before.message2
    return replace(ended, flow=before.flow or PARTS, message2=second, begun=True)


def _load(ended: History, before: History, attempt: Attempt) -> History:
    if before.begun and not before.over:
        return ended  # units refuse to load over a key that is there
    doubts = _fresh(ended, before)
    fresh = replace(ended, flow=PARTS, message1=None, message2=None, begun=False, hazard=None, doubts=doubts)
    return replace(fresh, done=ending.succeeded(attempt))


def _commit(ended: History, before: History, attempt: Attempt) -> History:
    return replace(ended, flow=before.flow or PARTS, done=ending.succeeded(attempt) and not before.begun)


def _setimm(ended: History, before: History, attempt: Attempt) -> History:
    known = before.flow and not before.doubts and not before.over
    early = known and not before.message2 and promotion(before.sight.units) is not Promotion.SOME
    hazard = Hazard.PROMOTED_EARLY if early else before.hazard
    return replace(ended, done=ending.succeeded(attempt), hazard=hazard)


def _clrnew(ended: History, before: History, attempt: Attempt) -> History:
    lost = before.begun and not before.over
    hazard = Hazard.NEW_CLEARED if lost else before.hazard
    return replace(ended, flow=before.flow or PARTS, done=ending.succeeded(attempt), hazard=hazard)


def _clrcur(ended: History, _before: History, _attempt: Attempt) -> History:
    return replace(ended, hazard=Hazard.CURRENT_CLEARED)


def _recover(ended: History, before: History, attempt: Attempt) -> History:
    back = before.begun and not before.over
    return replace(
        ended, done=ending.succeeded(attempt), hazard=Hazard.OLD_KEY_BACK if back else before.hazard
    )


_EFFECTS = {
    "auto-mk-rotate": _auto,
    "cryptounit-mk-rotate": _rotate,
    "cryptounit-mk-load": _load,
    "cryptounit-mk-commit": _commit,
    "cryptounit-mk-setimm": _setimm,
    "cryptounit-mk-clrnew": _clrnew,
    "cryptounit-mk-clrcur": _clrcur,
    "cryptounit-zeroize": _clrcur,
    "auto-mk-recover": _recover,
}


def _fresh(ended: History, before: History) -> frozenset[Doubt]:
    """What is doubtful of a rotation that begins anew: nothing that stood above one that had ended well."""
    return ended.doubts - before.doubts if before.over else ended.doubts


def _quoted(attempt: Attempt) -> tuple[Quote | None, Quote | None]:
    """Message 1 and message 2 where an attempt shows them."""
    first, second = attempt.find(MESSAGE_1), attempt.find(MESSAGE_2)
    return first and Quote(*first), second and Quote(*second)


def _still_there(attempts: Sequence[Attempt]) -> bool:
    """Whether a command was stopped or put into the background, and nothing tells of its end."""
    there = False
    for attempt in attempts:
        for line in attempt.lines:
            if (notice := JOB.match(line)) and "tke" in line.split():
                there = (notice["state"] or "").lower() in ALIVE
        there = there and not attempt.typed.startswith("kill ")
    return there


def _at_the_end(history: History, attempts: Sequence[Attempt]) -> Iterator[Doubt]:
    """Doubts that only the end of a transcript tells."""
    final = attempts[-1]
    if _still_there(attempts) or (
        not (final.ended or history.done) and (final.command in _EFFECTS or not final.command)
    ):
        yield Doubt.NO_END
    last = history.last
    if last is None:
        if not history.begun:
            yield Doubt.NO_ROTATION
    elif not (history.done or history.begun or ending.refused(last)) and ending.lacks_lines(last):
        yield Doubt.GAP
