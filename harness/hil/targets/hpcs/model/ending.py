"""How one command ended, as far as its output tells: well, refused before it began, or with an error."""

import re
from collections.abc import Mapping

from hil.targets.hpcs.model import printed
from hil.targets.hpcs.model.evidence import ErrorClass, error_class, phrase
from hil.targets.hpcs.model.printed import Output
from hil.targets.hpcs.model.transcript import Attempt

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
# ``FAILED`` stands alone on its line. The cloud's command line translates it, so the line below it counts:
# that one is in English everywhere.
_WORDS = (
    "FAILED|失敗|失败|실패|FEHLGESCHLAGEN|ECHEC|ÉCHEC|ERROR|FALLIDO|FALLO|NON RIUSCITO|FALHA|COM FALHA"
    r"|(?:\^C)?Interrupted\."
)
WORD = re.compile(rf"\s*(?:{_WORDS})\s*")
_HEADLINES = "|".join(
    phrase(text).pattern
    for text in (
        "Error querying service instances.",
        "Error querying crypto units.",
        "An initial condition of the command is not met.",
        "Error sending HTPRequest to target service instance.",
        "Error reported by EP11 crypto module.",
        "Error sending rewrap request to the key management service.",
        "KMS CRK rewrap failed.",
    )
)
FAILED = re.compile(rf"^\s*(?:{_WORDS})\s*$|^(?=\s*(?:{_HEADLINES}))", re.MULTILINE)
_NOT_BEGUN = phrase("Error querying service instances.")
_PRECHECK = phrase("An initial condition of the command is not met.")
_OF_REGISTERS = phrase("master key register")


def succeeded(attempt: Attempt) -> bool:
    """Whether the command says, in the end, that it has done all it was to do."""
    said = _SAID.get(attempt.command)
    if not said or not attempt.find(said) or attempt.find(FAILED):
        return False
    return attempt.command not in printed.ROTATIONS or not printed.signs([attempt.after(said)])


def error(attempt: Attempt) -> ErrorClass:
    """Return why it ended; a command that was killed shows no error."""
    return error_class(attempt.lines, 1 if attempt.find(FAILED) else 0)


def refused(attempt: Attempt) -> bool:
    """Whether the command says that it did not begin, and nothing stands there that it does not say then."""
    if attempt.command in printed.LINES:
        return output(attempt).refused
    why = error(attempt)
    return why is ErrorClass.PRECHECK or bool(why is ErrorClass.TOKEN and attempt.find(_NOT_BEGUN))


def unmet(attempt: Attempt) -> bool:
    """Whether a pre-check names a condition that the operator can correct."""
    return bool(attempt.find(_PRECHECK))


def of_registers(attempt: Attempt) -> bool:
    """Whether that condition is one of the registers: an earlier rotation may have left them so."""
    return unmet(attempt) and bool(attempt.find(_OF_REGISTERS))


def output(attempt: Attempt) -> Output:
    """Compare what it printed with what the command prints."""
    return printed.read(attempt.command, attempt.own())


def ends_a_rotation(attempt: Attempt) -> bool:
    """Whether the last line, of whatever command, says that a rotation has ended well."""
    last = next((line for line in reversed(attempt.lines) if line.strip()), "")
    return bool(_SAID["auto-mk-rotate"].search(last))
