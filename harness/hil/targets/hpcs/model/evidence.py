"""What an operator has to go by: the transcript, and what ``tke`` printed of the registers.

The bench's own knowledge (true registers, ledger, whether a fault fired) never enters here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from hil.targets.hpcs.model.registers import Promotion
from hil.targets.hpcs.model.sight import Agreement, Rows

# Between two signs: blanks, and at the end or the beginning of a line what editors and mails put there.
_BROKEN = r"(?:\s|[\\\\>\u00bb]{1,3}(?=\n)|(?<=\n)[>|\u00bb\u21aa+]{1,3})*+"


def phrase(text: str) -> re.Pattern[str]:
    """Return a pattern that finds ``text`` also where it was broken into lines, with marks or without."""
    return re.compile(_BROKEN.join(re.escape(sign) for sign in text if not sign.isspace()))


MESSAGES = ("1", "2")  # names of the two messages that count, in results
MESSAGE_1 = phrase("Delaying 30 seconds to allow server to discover new master key values")
# One of the pages writes MKS. Both messages may end in a period.
MESSAGE_2 = re.compile(
    rf"[KM]{_BROKEN}" + phrase("S CRK rewrap successful, waiting on cryptounit-mk-setimm").pattern
)

_TOKEN = re.compile(f"{phrase('Status code: 401').pattern}|{phrase('Message: Unauthorized').pattern}")
_UNCHANGED = phrase("Nothing was changed.")
_SAME_KEY = phrase("The key equals the one in the current master key register.")


class ErrorClass(StrEnum):
    """Why the last command ended, as far as its output tells."""

    NONE = "none"  # no error text: the terminal just stopped
    TOKEN = "token"  # noqa: S105 - the class of an expired token
    PRECHECK = "precheck"  # an initial condition was not met; the command says that it changed nothing
    SAME_KEY = "same-key"  # a key was loaded that is the current one already
    OTHER = "other"


@dataclass(frozen=True)
class Evidence:
    """Facts that the rules of a procedure may ask for."""

    flow: str
    command: str
    error: ErrorClass
    message1: bool
    message2: bool
    # What a look at the instance tells; None: nobody has looked.
    promotion: Promotion | None = None
    current: Agreement | None = None
    new: str | None = None  # the state that all NEW registers share, or "mixed"
    rows: Rows | None = None


def messages(lines: Sequence[str]) -> tuple[bool, bool]:
    """Whether message 1 and message 2 stand in the transcript."""
    text = "\n".join(lines)
    return bool(MESSAGE_1.search(text)), bool(MESSAGE_2.search(text))


def named(shown: tuple[bool, bool]) -> dict[str, bool]:
    """Return whether each message was shown, by its name in results."""
    return dict(zip(MESSAGES, shown, strict=True))


def error_class(lines: Sequence[str], exit_code: int) -> ErrorClass:
    """Classify the end of one command from its own lines; a negative exit code is a signal."""
    text = "\n".join(lines)
    if exit_code <= 0:
        return ErrorClass.NONE
    if _TOKEN.search(text):
        return ErrorClass.TOKEN
    if _UNCHANGED.search(text):
        return ErrorClass.PRECHECK
    if _SAME_KEY.search(text):
        return ErrorClass.SAME_KEY
    return ErrorClass.OTHER
