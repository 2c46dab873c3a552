"""Lines that tell of a rotation: messages, what may be one, and what stands where it should not."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from hil.targets.hpcs.model import printed
from hil.targets.hpcs.model.evidence import MESSAGE_1, MESSAGE_2, phrase
from hil.targets.hpcs.model.folding import Likeness, letters, likeness
from hil.targets.hpcs.model.transcript import MESSAGES, READERS, Attempt, like_a_message, of_a_rotation

# Commands that change registers or key storage.
CHANGING = (
    printed.AUTO, printed.ROTATE, printed.LOAD, printed.COMMIT, printed.SETIMM, printed.CLRNEW,
    "cryptounit-mk-clrcur", "cryptounit-zeroize", "auto-mk-recover",
)  # fmt: skip
_SERVICE = phrase("The master key of service instance")
_SERVICE_NAME = re.compile(r"serviceinstance(?P<name>[\w.:-]{1,64}?)will")
_NAMED = re.compile(r"\btke\s+(?:auto-|cryptounit-(?:mk-|zero))")
_COMMITTING = re.compile(r"Committingthemasterkeyvaluein(\d{1,2})of(\d{1,2})cryptounits")
_NAME_LETTERS_MIN, _NAME_RATIO = 7, 0.75


@dataclass(frozen=True)
class Quote:
    """A line of the transcript, numbered from 1."""

    line: int
    text: str


def quoted(attempt: Attempt) -> tuple[Quote | None, Quote | None]:
    """Message 1 and message 2 where an attempt shows them, of several rotations in one output the last.

    Message 2 orders set immediate, so it counts only where nothing follows it but the end of that rotation.
    """
    firsts = [Quote(*found) for found in attempt.find_all(MESSAGE_1)]
    seconds = [Quote(*found) for found in attempt.find_all(MESSAGE_2)]
    first = firsts[-1] if firsts else None
    second = seconds[-1] if seconds else None
    if second and first and second.line <= first.line:
        second = None
    if second and attempt.command and not printed.promotes(printed.signs([attempt.after(MESSAGE_2)])):
        return first or second, None
    return first, second


def traces(attempt: Attempt) -> Iterator[Quote]:
    """Yield lines of a rotation in the output of something else: its own command line was not read."""
    for number, line in enumerate(attempt.lines, start=attempt.first):
        if of_a_rotation(line):
            yield Quote(number, line.strip())


def unread(attempt: Attempt) -> bool:
    """Whether something was typed that may be a command of a rotation."""
    if attempt.command or not attempt.typed:
        return False
    words = attempt.typed.split()
    if _NAMED.search(attempt.typed):
        return True
    return words[0] not in READERS and any(_misread(letters(word)) for word in words)


def _misread(word: str) -> bool:
    """Whether a word, letters only, is the name of a command of a rotation, cut or misread."""
    if len(word) < _NAME_LETTERS_MIN:
        return False
    return any(
        name.startswith(word) or SequenceMatcher(None, word, name).ratio() >= _NAME_RATIO
        for name in map(letters, CHANGING)
    )


def suspects(attempt: Attempt) -> Iterator[tuple[Quote, Likeness]]:
    """Yield lines that may be message 1 or message 2, and how clearly they are the first."""
    for number, line in enumerate(attempt.lines, start=attempt.first):
        first, second = (likeness(line, message) for message in MESSAGES)
        if first or second:
            clear = first is Likeness.CLEAR
            yield Quote(number, line.strip()), Likeness.CLEAR if clear else Likeness.MAYBE


def hidden(attempt: Attempt) -> bool:
    """Whether one of the two messages may stand there; for output in which neither has a place."""
    return any(map(like_a_message, attempt.lines))


def commits(attempt: Attempt) -> tuple[int, int]:
    """Which crypto unit was committed last, and of how many; zeros where it does not say."""
    found = _COMMITTING.findall(printed.signs(attempt.lines))
    return (int(found[-1][0]), int(found[-1][1])) if found else (0, 0)


def instance(attempt: Attempt) -> str:
    """The service instance that a rotation names, wherever the line stands."""
    found = attempt.find(_SERVICE)
    named = found and _SERVICE_NAME.search(printed.signs([found[1]]))
    return named["name"] if named else ""
