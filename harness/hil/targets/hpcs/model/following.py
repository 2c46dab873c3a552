"""What each command of a transcript does to the history of a rotation, from the first to the last."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from hil.targets.hpcs.model import ending, screens, traces
from hil.targets.hpcs.model.folding import Likeness
from hil.targets.hpcs.model.history import AUTO, LOOKS, PARTS, Doubt, Hazard, History, look
from hil.targets.hpcs.model.printed import ROTATIONS, Output, Stage
from hil.targets.hpcs.model.registers import Promotion, promotion
from hil.targets.hpcs.model.rules import LOOK
from hil.targets.hpcs.model.sight import Sight
from hil.targets.hpcs.model.traces import Quote
from hil.targets.hpcs.model.transcript import Attempt, of_a_rotation

# What a shell says of its jobs: "[1]+  Stopped   tke auto-mk-rotate", after bg "[1]+ tke auto-mk-rotate &".
JOB = re.compile(r"\[\d+\]\s*[-+]?\s+(?:\d+\s+)?(?P<state>(?!tke\b)[A-Za-z]+\b)?")
ALIVE = frozenset({"", "stopped", "suspended", "running", "continued"})
# Of a job, and with a signal that ends it; of a process by its number the shell tells itself.
_KILLS = re.compile(r"kill\s+(?:-(?:s\s+)?(?:SIG)?(?:KILL|TERM|HUP|INT|QUIT|9|15|1|2|3)\s+)?%")


def read(attempts: Sequence[Attempt]) -> History:
    """Follow the attempts from the first to the last one."""
    history = History()
    for attempt in attempts:
        history = _after(history, attempt)
    return replace(history, doubts=history.doubts | set(_at_the_end(history, attempts)))


def _after(history: History, attempt: Attempt) -> History:
    if attempt.command not in _EFFECTS:
        return _other(history, attempt)
    ended = replace(history, last=attempt, error=ending.error(attempt), done=False, suspects=())
    if attempt.command not in ROTATIONS and traces.hidden(attempt):  # of a rotation below it, not read as one
        return replace(ended, begun=True, filled=True, doubts=ended.doubts | {Doubt.UNREAD}, sight=Sight())
    if ending.refused(attempt) and not traces.hidden(attempt):
        own = AUTO if attempt.command == "auto-mk-rotate" else PARTS
        return replace(ended, flow=history.flow or own)
    if not attempt.shown:
        ended = replace(ended, doubts=ended.doubts | {Doubt.NOT_SHOWN})
    after = _EFFECTS[attempt.command](replace(ended, sight=Sight(), commits=(0, 0)), history, attempt)
    if after.hazard is history.hazard:
        return after
    return replace(after, cause=(*history.quotes(), Quote(attempt.line, attempt.typed)))


def _other(history: History, attempt: Attempt) -> History:
    """A command that changes nothing, a program that is not known, or the end of what is cut off."""
    if not attempt.typed and all(map(_of_a_job, filter(str.strip, attempt.lines))):
        return history  # the shell tells of jobs when it likes
    ended = not attempt.typed and ending.ends_a_rotation(attempt)
    if ended and not history.begun:
        return History(done=True, last=attempt)
    first, second = traces.quoted(attempt)
    lines = tuple(traces.traces(attempt))
    if attempt.command in LOOKS and not lines:
        if attempt.command == LOOK and not screens.alone(attempt.own()):
            return history
        return replace(history, sight=look(history.sight, attempt.command, attempt.lines, history.instance))
    doubts = set(history.doubts)
    if not (attempt.typed or attempt.command):
        doubts.add(Doubt.NO_START)
    elif second:
        doubts.add(Doubt.UNNAMED)
    if ended or lines or traces.unread(attempt):
        doubts.add(Doubt.UNREAD)
        history = replace(history, suspects=(*history.suspects, *lines, Quote(attempt.line, attempt.typed)))
    if not (first or second):
        return replace(history, doubts=frozenset(doubts))
    return replace(
        history,
        flow=AUTO if first else history.flow,
        message1=first or history.message1,
        message2=second or history.message2,
        begun=True,
        filled=True,
        done=False,
        doubts=frozenset(doubts),
        sight=Sight(),
    )


def _of_a_job(line: str) -> bool:
    return bool(JOB.match(line)) and not of_a_rotation(line)


def _auto(ended: History, before: History, attempt: Attempt) -> History:
    output = ending.output(attempt)
    named = output.instance or traces.instance(attempt)
    other = bool(named) and before.instance not in ("", named) and not before.over
    if ending.succeeded(attempt) and not other:
        return History(flow=AUTO, done=True, last=attempt)
    first, second = traces.quoted(attempt)
    suspects = tuple(traces.suspects(attempt))
    clear = next((quote for quote, like in suspects if like is Likeness.CLEAR), None)
    first = first or clear
    begun = bool(first or second)
    rerun = before.begun and not before.over and not second
    doubts = _fresh(ended, before)
    anew = output.whole and output.stage >= Stage.MAKING and not output.cleared
    if begun or anew:  # NEW was empty, or is known to be what this one made
        doubts -= before.doubts - {Doubt.INSTANCES}
    if not begun:
        doubts |= set(_silence(output, before, bool(suspects)))
        doubts |= set() if attempt.back else {Doubt.GAP}
    if other:
        doubts |= {Doubt.INSTANCES}
    return replace(
        ended,
        flow=AUTO,
        message1=first,
        message2=second,
        begun=begun,
        hazard=Hazard.NEW_REPLACED if rerun else None,
        doubts=frozenset(doubts),
        instance=named or before.instance,
        suspects=tuple(quote for quote, _ in suspects if quote not in (first, second)),
        filled=_filled(before) or not output.whole or output.stage >= Stage.MAKING,
        commits=traces.commits(attempt),
    )


def _silence(output: Output, before: History, suspects: bool) -> Iterator[Doubt]:  # noqa: FBT001 - a fact
    """Why it means nothing that an attempt shows no message."""
    if suspects:
        yield Doubt.DAMAGED
    if output.whole and output.stage is Stage.COMMITTED and not output.failed:
        yield Doubt.LAST_COMMIT
    elif not output.silent:
        yield Doubt.GAP
    if output.cleared and not _filled(before):
        yield Doubt.EARLIER


def _rotate(ended: History, before: History, attempt: Attempt) -> History:
    if ending.succeeded(attempt):
        return History(flow=before.flow or PARTS, done=True, last=attempt)
    second = traces.quoted(attempt)[1] or before.message2
    return replace(ended, flow=before.flow or PARTS, message2=second, begun=True, filled=True)


def _load(ended: History, before: History, attempt: Attempt) -> History:
    if before.begun and not before.over:
        if not ending.succeeded(attempt):
            return ended  # units refuse to load over a key that is there
        # So NEW was empty: what its messages speak of was promoted or cleared, and that is not shown.
        doubts = ended.doubts | {Doubt.EARLIER}
        return replace(ended, flow=PARTS, message1=None, message2=None, doubts=doubts)
    # A crypto unit that refuses to load has a key in NEW; nothing shown has put it there.
    full = ending.output(attempt).headline.startswith("ErrorreportedbyEP11") and not _filled(before)
    doubts = _fresh(ended, before) | (frozenset({Doubt.EARLIER}) if full else frozenset())
    fresh = replace(ended, flow=PARTS, message1=None, message2=None, begun=False, hazard=None, doubts=doubts)
    return _step(replace(fresh, filled=not full), attempt)


def _commit(ended: History, before: History, attempt: Attempt) -> History:
    after = _of_what(_step(replace(ended, flow=before.flow or PARTS), attempt), before)
    return replace(after, done=after.done and not before.begun)


def _step(ended: History, attempt: Attempt) -> History:
    """End a step of the key-part flow; one that broke off proves nothing where its output is not whole."""
    done = ending.succeeded(attempt)
    whole = done or (attempt.back and ending.output(attempt).whole)
    return replace(ended, done=done, doubts=ended.doubts | (frozenset() if whole else {Doubt.GAP}))


def _setimm(ended: History, before: History, attempt: Attempt) -> History:
    known = before.flow and not before.doubts and not before.over
    early = known and not before.message2 and promotion(before.sight.units) is not Promotion.SOME
    hazard = Hazard.PROMOTED_EARLY if early else before.hazard
    return replace(ended, done=ending.succeeded(attempt), hazard=hazard)


def _clrnew(ended: History, before: History, attempt: Attempt) -> History:
    lost = before.begun and not before.over
    hazard = Hazard.NEW_CLEARED if lost else before.hazard
    return _of_what(_step(replace(ended, flow=before.flow or PARTS, hazard=hazard), attempt), before)


def _of_what(after: History, before: History) -> History:
    """A step that broke off and is not the first: what it had in NEW has to be shown."""
    known = after.done or _filled(before)
    return after if known else replace(after, doubts=after.doubts | {Doubt.EARLIER})


def _filled(before: History) -> bool:
    """Whether what is shown may have put something into NEW since the last rotation that ended well."""
    return before.filled and not before.over


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


def _still_there(attempts: Sequence[Attempt]) -> bool:
    """Whether a command was stopped or put into the background, and nothing tells of its end."""
    there = False
    for attempt in attempts:
        for line in attempt.lines:
            if (notice := JOB.match(line)) and "tke" in line.split():
                there = (notice["state"] or "").lower() in ALIVE
        there = there and not _KILLS.match(attempt.typed)
    return there


def _at_the_end(history: History, attempts: Sequence[Attempt]) -> Iterator[Doubt]:
    """Doubts that only the end of a transcript tells."""
    final = attempts[-1]
    if _still_there(attempts) or (
        not (final.ended or history.done) and (final.command in _EFFECTS or not final.command)
    ):
        yield Doubt.NO_END
    if history.last is None and not history.begun:
        yield Doubt.NO_ROTATION
