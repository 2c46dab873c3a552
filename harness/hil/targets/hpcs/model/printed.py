"""What ``tke`` prints: each command that makes or takes NEW, line for line, and the errors that end it.

That a message is missing means something only where everything else is there. So the output of a command is
compared with this table, without blanks and line ends, so that the width of a window does not matter. What is
not in it (a line of another program, half a line, a line of the real service that nobody has published) makes
the output one that proves nothing. ``tests/hil/targets/hpcs/model/test_printed.py`` holds the table to what
the emulator says.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

AUTO, ROTATE = "auto-mk-rotate", "cryptounit-mk-rotate"
LOAD, COMMIT, CLRNEW = "cryptounit-mk-load", "cryptounit-mk-commit", "cryptounit-mk-clrnew"
SETIMM = "cryptounit-mk-setimm"
ROTATIONS = frozenset({AUTO, ROTATE})


class Stage(IntEnum):
    """How far a command says that it has come."""

    STARTED = 0
    ASKED = 1  # it asks; nothing is changed yet
    CLEARING = 2  # what an earlier rotation left in NEW
    MAKING = 3
    COMMITTING = 4
    COMMITTED = 5  # the last crypto unit's commit was begun; the next line is message 1
    MESSAGE_1 = 6
    MESSAGE_2 = 7
    PROMOTING = 8
    DONE = 9


@dataclass(frozen=True)
class Line:
    """A line, or a block of them, as a pattern of its signs without blanks; ``many``: once or several times.

    ``done`` and ``of`` in the pattern count from one, a line each.
    """

    pattern: str
    stage: Stage
    many: bool = False
    optional: bool = False


_YES = r">(?:y|yes|Y|YES|Yes)?"
_CONTINUE = rf"Doyouwanttocontinue\?Answer\[y/N\]:{_YES}"
_WORKLOADS = "Workloadsmustnotusetheserviceinstanceuntiltherotationhascompleted."
_SIGNATURES = Line(
    r"Enterthepasswordforthesignaturekeyidentifiedby:.{1,60}?\([0-9a-f]{4,64}\.\.\.\)>\**",
    Stage.ASKED,
    many=True,
)
INSTANCE = r"(?P<instance>[\w.:-]{1,64}?)"
_NUMBERS = r"(?P<done>\d+)of(?P<of>\d+)cryptounits\.\.\.\."
_STATES = "Empty|Valid|FullUncommitted|FullCommitted"
_TABLE = (
    r"MASTERKEYREGISTER(?:SERVICEINSTANCE:.{0,80}?)?CRYPTOUNITNUMSTATUSVERIFICATIONPATTERN"
    rf"(?:\d+\*?(?:{_STATES})[0-9a-f]{{64}})+"
    r"(?:\*Indicatesarecoverycryptounitusedonlytoholdabackupmasterkeyvalue\.)?"
)
_REGISTERS = rf"(?:NEW{_TABLE})?(?:CURRENT{_TABLE})?"


def _ok(what: str) -> Line:
    return Line(rf"OK{what}{_REGISTERS}", Stage.DONE)


MESSAGE_2 = r"(?:KMS|MKS)CRKrewrapsuccessful,waitingoncryptounit-mk-setimm\.?"
_PROMOTE = (
    Line(MESSAGE_2, Stage.MESSAGE_2),
    Line(rf"Settingthemasterkeyvaluein{_NUMBERS}", Stage.PROMOTING, many=True),
    Line(r"OKMasterkeyrotationsuccessful\.", Stage.DONE),
)
_PART = r"\d+.{0,80}?[0-9a-f]{64}"

# fmt: off
LINES: Mapping[str, Sequence[Line]] = {
    AUTO: (
        Line(rf"Themasterkeyofserviceinstance{INSTANCE}willbereplacedbyarandomvalue\."
             rf"{_WORKLOADS}{_CONTINUE}", Stage.ASKED),
        _SIGNATURES,
        Line(r"Clearingthenewmasterkeyregisterofcryptounit\d+\.\.\.\.", Stage.CLEARING,
             many=True, optional=True),
        Line(r"Generatingarandommasterkeyvalue\.\.\.\.", Stage.MAKING),
        Line(rf"Transferringthemasterkeyvalueto{_NUMBERS}", Stage.MAKING, many=True),
        Line(rf"Committingthemasterkeyvaluein{_NUMBERS}", Stage.COMMITTING, many=True),
        Line(r"Delaying30secondstoallowservertodiscovernewmasterkeyvalues\.?", Stage.MESSAGE_1),
        *_PROMOTE,
    ),
    ROTATE: (
        Line("Keystoragewillberewrappedforthenewmasterkey,whichthenreplacesthecurrentone."
             rf"{_WORKLOADS}{_CONTINUE}", Stage.ASKED),
        _SIGNATURES,
        *_PROMOTE,
    ),
    LOAD: (
        Line(rf"KEYNUMDESCRIPTIONVERIFICATIONPATTERN(?:{_PART})+", Stage.ASKED),
        Line(r"EntertheKEYNUMvaluesofthemasterkeypartsyouwishtoload\."
             r"2or3valuesmustbespecified,separatedbyspaces\.>\d*", Stage.ASKED),
        _SIGNATURES,
        Line(r"Enterthepasswordforkeyfile\d+>\**", Stage.ASKED, many=True),
        _ok(r"Thenewmasterkeyregisterhasbeenloadedintheselectedcryptounits\."),
    ),
    COMMIT: (
        _SIGNATURES,
        _ok(r"Thenewmasterkeyregisterhasbeencommittedintheselectedcryptounits\."),
    ),
    CLRNEW: (
        Line(r"Warning!Keystoragethatisalreadyrewrappedforthenewmasterkeybecomesunusablewithit\."
             rf"{_CONTINUE}", Stage.ASKED),
        _SIGNATURES,
        _ok(r"Thenewmasterkeyregisterhasbeenclearedintheselectedcryptounits\."),
    ),
    SETIMM: (
        Line(r"Warning!Anykeystorageassociatedwiththetargetedserviceinstancemustbepreparedtoaccept"
             r"thenewmasterkeyvaluebeforerunningthiscommand\.Otherwise,keystoragemaybecomeunusable\."
             rf"{_CONTINUE}", Stage.ASKED),
        _SIGNATURES,
        _ok(r"Setimmediatecompletedsuccessfullyintheselectedcryptounits\."),
    ),
}
# What stands under FAILED: before a command has changed anything, ...
NOT_BEGUN = (
    r"Errorqueryingserviceinstances\.", r"Errorqueryingcryptounits\.",
    r"Aninitialconditionofthecommandisnotmet\.", r"Noserviceinstanceswerefoundforthecurrentresourcegroup\.",
    r"Thereisnofile", r"Theservicedirectory", r"Theworkstation(?:file|reports:)",
    r"The(?:signaturekey|keypart)file", r"Nocryptounitsareselected\.", r"Twokeypartsareneeded",
    r"Anothercommandischangingthefilesof",
)
CANCELLED = (
    r"Thecommandwascancelled\.Nothingwaschanged\.", r"Theinputendedbeforeallquestionswereanswered\.",
    r"Theanswer.{1,80}?doesnotfit", r"Thepasswordfor(?:signaturekeyfile|keyfile)\d+isincorrect\.",
    r"Signaturekeyfile\d+doesnothold", r"\d+currentsignaturekeysareneeded",
    r"Theworkstation(?:file|reports:)", r"Anothercommandischangingthefilesof",
)
# ... and afterwards.
UNIT_ERRORS = (
    r"ErrorsendingHTPRequesttotargetserviceinstance\.", r"ErrorreportedbyEP11cryptomodule\.",
    r"Cryptounit\d+receivedanothermasterkeythanwassenttoit\.",
)
REWRAP_ERRORS = (
    r"Errorsendingrewraprequesttothekeymanagementservice\.", r"KMSCRKrewrapfailed\.",
)
# fmt: on
_ERRORS: Mapping[Stage, Sequence[str]] = {
    Stage.STARTED: NOT_BEGUN,
    Stage.ASKED: CANCELLED,
    **dict.fromkeys((Stage.CLEARING, Stage.MAKING, Stage.COMMITTING, Stage.COMMITTED), UNIT_ERRORS),
    Stage.MESSAGE_1: REWRAP_ERRORS,
    **dict.fromkeys((Stage.MESSAGE_2, Stage.PROMOTING), UNIT_ERRORS),
}
# FAILED, which the cloud's command line translates: any short word, for what counts is the line below it.
WORD = r"(?P<word>(?:(?!Delay|KMSCRK|MKSCRK|[\d.])[\s\S]){1,24}?)"
ANY_ERROR = "|".join((*NOT_BEGUN, *UNIT_ERRORS, *REWRAP_ERRORS))
_TAIL_SIGNS_MAX = 1500
# What no error says: the words of a rotation that goes on, or the end of another command.
_GOES_ON = re.compile(
    r"Delaying|KMSCRK|MKSCRK|Committingthe|Transferringthe|Generatinga|Settingthemaster|Clearingthe"
    rf"|Doyouwant|Enterthe|willberep|{ANY_ERROR}"
)
_INTERRUPTED = "Interrupted."


@dataclass(frozen=True)
class Output:
    """What a command's output comes to.

    ``whole``: it is, from its first sign to its last, what the command prints. ``failed``: it ends with an
    error that belongs to ``stage``, whose first words are ``headline``; ``instance``: the one that it names.
    """

    whole: bool
    stage: Stage
    failed: bool = False
    headline: str = ""
    instance: str = ""
    cleared: bool = False  # it found something in NEW

    @property
    def refused(self) -> bool:
        """Whether it says that it has changed nothing."""
        begun = self.stage > Stage.ASKED or re.match("|".join(UNIT_ERRORS + REWRAP_ERRORS), self.headline)
        return self.whole and self.failed and not begun

    @property
    def silent(self) -> bool:
        """Whether it proves that message 1 was not shown.

        Where the next line would be that message, one line that was lost would be enough for the opposite.
        """
        if not self.whole or self.stage >= Stage.MESSAGE_1:
            return False
        return self.stage < Stage.COMMITTED or self.failed


def signs(lines: Sequence[str]) -> str:
    """Return lines as one text without blanks."""
    return re.sub(r"\s+", "", "".join(lines))


def read(command: str, lines: Sequence[str]) -> Output:
    """Compare the output of a command with what that command prints; ``lines`` are folded."""
    text = signs(lines)
    reader = _Reader(text)
    for line in LINES.get(command, ()):
        if not reader.take(line) and not line.optional:
            break
    return _ended(command, reader)


def promotes(text: str) -> bool:
    """Whether what follows message 2, without blanks, is the rest of a rotation and nothing else."""
    error = rf"{WORD}(?:{'|'.join(UNIT_ERRORS)})(?:(?!{_GOES_ON.pattern}).){{0,{_TAIL_SIGNS_MAX}}}"
    settings = r"(?:Settingthemasterkeyvaluein\d+of\d+cryptounits\.\.\.\.)*"
    ends = rf"|OKMasterkeyrotationsuccessful\.|{_INTERRUPTED}|{error}"
    return bool(re.fullmatch(rf"\.?{settings}(?:{ends})", text, re.DOTALL))


class _Reader:
    """How far a text was read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.stage = Stage.STARTED
        self.instance = ""
        self.cleared = False
        self.last = (0, 0)  # k of n of the last line that counts

    def take(self, line: Line) -> bool:
        """Read a line, where it is the next one."""
        pattern, found = re.compile(line.pattern, re.DOTALL), 0
        while (match := pattern.match(self.text, self.at)) and self._counts(match, found):
            found += 1
            self.at = match.end()
            self.stage = line.stage
            self.instance = match.groupdict().get("instance") or self.instance
            self.cleared |= line.stage is Stage.CLEARING
            if not line.many:
                break
        if line.stage is Stage.COMMITTING and found and self.last[0] == self.last[1]:
            self.stage = Stage.COMMITTED
        return found > 0 and self._complete(line)

    def _counts(self, match: re.Match[str], found: int) -> bool:
        if "done" not in match.re.groupindex:
            return True
        done, of = int(match["done"]), int(match["of"])
        fits = done == found + 1 <= of and (found == 0 or of == self.last[1])
        if fits:
            self.last = (done, of)
        return fits

    def _complete(self, line: Line) -> bool:
        """Of lines that are counted, the next one begins only after the last."""
        return "<done>" not in line.pattern or self.last[0] == self.last[1]


def _ended(command: str, reader: _Reader) -> Output:
    rest = reader.text[reader.at :]
    seen = Output(False, reader.stage, False, "", reader.instance, reader.cleared)
    if not reader.text:
        return seen
    if rest in ("", _INTERRUPTED):
        return Output(True, reader.stage, False, "", reader.instance, reader.cleared)
    allowed = _allowed(command, reader.stage)
    match = re.match(rf"{WORD}(?P<headline>{'|'.join(allowed)})(?P<tail>.*)", rest, re.DOTALL)
    if not allowed or not match or len(rest) > _TAIL_SIGNS_MAX or _GOES_ON.search(match["tail"]):
        return seen
    if reader.stage is Stage.COMMITTED and not _of_the_last(match["tail"], reader.last[0]):
        return seen
    return Output(True, reader.stage, True, match["headline"], reader.instance, reader.cleared)


def _allowed(command: str, stage: Stage) -> Sequence[str]:
    """Errors that can end a command where it is; most commands look at the instance after they have asked."""
    if command == AUTO or stage > Stage.ASKED:
        return _ERRORS.get(stage, ())
    late = REWRAP_ERRORS if command == ROTATE else UNIT_ERRORS
    return (*NOT_BEGUN, *CANCELLED, *(late if stage is Stage.ASKED else ()))


def _of_the_last(tail: str, number: int) -> bool:
    """Whether an error after the last commit names the crypto unit that was committed last."""
    return bool(re.search(rf"Cryptounit:?{number}(?!\d)", tail))
