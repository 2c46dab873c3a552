"""How one command ended, as far as its output tells: well, refused before it began, or with an error."""

import re
from collections.abc import Mapping

from harness.model.evidence import ErrorClass, error_class, phrase
from harness.model.transcript import Attempt

# What each command says when all is done. A bare OK would not do: of two commands whose prompt was not
# recognised, the second one's OK would stand in the output of the first.
_SAID: Mapping[str, re.Pattern[str]] = {
    "auto-mk-rotate": phrase("Master key rotation successful."),
    "cryptounit-mk-rotate": phrase("Master key rotation successful."),
    "cryptounit-mk-load": phrase("The new master key register has been loaded"),
    "cryptounit-mk-commit": phrase("The new master key register has been committed"),
    "cryptounit-mk-clrnew": phrase("The new master key register has been cleared"),
    "cryptounit-mk-setimm": phrase("Set immediate completed successfully"),
    "auto-mk-recover": phrase("The master key has been recovered"),
}
# ``FAILED`` stands alone on its line; the cloud's command line translates it.
FAILED = re.compile(r"^\s*(FAILED|失敗|Interrupted\.)\s*$", re.MULTILINE)
_NOT_BEGUN = phrase("Error querying service instances.")
_ASKED = phrase("Enter the password")
_REWRAP = re.compile(rf"{phrase('rewrap request').pattern}|{phrase('CRK rewrap').pattern}")


def succeeded(attempt: Attempt) -> bool:
    """Whether the command says that it has done all it was to do."""
    said = _SAID.get(attempt.command)
    return bool(said and attempt.find(said)) and not attempt.find(FAILED)


def error(attempt: Attempt) -> ErrorClass:
    """Return why it ended; a command that was killed shows no error."""
    return error_class(attempt.lines, 1 if attempt.find(FAILED) else 0)


def refused(attempt: Attempt) -> bool:
    """Whether the command says that it did not begin."""
    why = error(attempt)
    return why is ErrorClass.PRECHECK or bool(why is ErrorClass.TOKEN and attempt.find(_NOT_BEGUN))


def ends_a_rotation(attempt: Attempt) -> bool:
    """Whether the last line, of whatever command, says that a rotation has ended well."""
    last = next((line for line in reversed(attempt.lines) if line.strip()), "")
    return bool(_SAID["auto-mk-rotate"].search(last))


def lacks_lines(attempt: Attempt) -> bool:
    """Nobody was asked a password, or the rewrap is spoken of without message 1: lines are missing."""
    return not attempt.find(_ASKED) or bool(attempt.find(_REWRAP))
