"""Several attempts in one transcript: whose messages count, and what must not have been run between them."""

import pytest

from hil.targets.hpcs.model.history import Doubt, Hazard
from hil.targets.hpcs.tools.advise.advice import Answer, Reason
from hil.targets.hpcs.tools.advise.reading import BadTranscript
from tests.hil.targets.hpcs.tools.advise.conftest import advice, typed

ASKED = "Enter the password for the signature key identified by:\nadmin1 (8e62...)\n> \n"
INSTANCE = "0a1b2c3d-1111-2222-3333-444455556666"
CONFIRMED = (
    "Workloads must not use the service instance until the rotation has completed.\n"
    "Do you want to continue?\nAnswer [y/N]:\n> y\n" + ASKED
)
RANDOM = f"The master key of service instance {INSTANCE} will be replaced by a random value.\n{CONFIRMED}"
REWRAPS = (
    "Key storage will be rewrapped for the new master key, which then replaces the current one.\n" + CONFIRMED
)
PARTS = (
    "KEYNUM   DESCRIPTION   VERIFICATION PATTERN   \n"
    f"1        part          {'a' * 32}   \n                       {'b' * 32}   \n"
    "Enter the KEYNUM values of the master key parts you wish to load.\n"
    "2 or 3 values must be specified, separated by spaces.\n> 1 2\n" + ASKED
)
MADE = (
    "Generating a random master key value....\nTransferring the master key value to 1 of 1 crypto units....\n"
)
ONE_OF_TWO = "Committing the master key value in 1 of 2 crypto units....\n"
TWO_OF_TWO = ONE_OF_TWO.replace("1 of", "2 of")
FIRST = "Delaying 30 seconds to allow server to discover new master key values\n"
SECOND = "KMS CRK rewrap successful, waiting on cryptounit-mk-setimm\n"
ROTATED = "\nOK\nMaster key rotation successful.\n"
PRECHECK = "FAILED\nAn initial condition of the command is not met.\nWhy.\nNothing was changed.\n"
TOKEN = "FAILED\nError querying service instances.\nStatus code: 401\n"
BROKEN = "FAILED\nError sending rewrap request to the key management service.\n"

AUTO = f"$ tke auto-mk-rotate\n{RANDOM}"
ROTATE = f"$ tke cryptounit-mk-rotate\n{REWRAPS}"
LOADED = "OK\nThe new master key register has been loaded in the selected crypto units.\n"
COMMITTED = LOADED.replace("loaded", "committed")
CLEARED = LOADED.replace("loaded", "cleared")
PROMOTED = "OK\nSet immediate completed successfully in the selected crypto units.\n"
LOAD = f"$ tke cryptounit-mk-load\n{PARTS}"
SETIMM = f"$ tke cryptounit-mk-setimm\n{ASKED}"
CLRNEW = f"$ tke cryptounit-mk-clrnew\n{ASKED}"
STOPPED = "^Z\n[1]+  Stopped                 tke auto-mk-rotate\n"
KILLED = "[1]+  Killed                  tke auto-mk-rotate\n"
WHOLE = AUTO + FIRST + SECOND + ROTATED


@pytest.mark.parametrize(
    ("transcript", "commands"),
    [
        # message 1 still counts in the attempts after it
        (AUTO + FIRST + ROTATE, ("cryptounit-mk-rotate",)),
        (AUTO + FIRST + ROTATE + BROKEN + ROTATE, ("cryptounit-mk-rotate",)),
        (AUTO + FIRST + ROTATE + SECOND, ("cryptounit-mks",)),
        (AUTO + FIRST + "$ tke auto-mk-rotate\n" + PRECHECK, ("cryptounit-mk-rotate",)),
        (AUTO + FIRST + "$ tke auto-mk-rotate\n" + TOKEN, ("login", "cryptounit-mk-rotate")),
        # that of a rotation that ended well does not
        (WHOLE + AUTO, ("auto-mk-rotate",)),
        (WHOLE + AUTO + FIRST, ("cryptounit-mk-rotate",)),
        (WHOLE + "$ tke auto-mk-rotate\n" + TOKEN, ("login", "auto-mk-rotate")),
        (AUTO + FIRST + ROTATE + SECOND + ROTATED + AUTO, ("auto-mk-rotate",)),
        (AUTO + FIRST + SECOND + SETIMM + PROMOTED + AUTO, ("auto-mk-rotate",)),
        # nor that of an attempt that was begun anew before message 1
        (AUTO + AUTO, ("auto-mk-rotate",)),
        (AUTO + AUTO + FIRST, ("cryptounit-mk-rotate",)),
        (AUTO + "FAILED\nx\n" + AUTO + FIRST + SECOND, ("cryptounit-mks",)),
        # the key-part flow has no message 1, and goes on where a command ended well
        (LOAD + LOADED, ("cryptounit-mk-commit", "cryptounit-mk-rotate")),
        (LOAD + LOADED + "$ tke cryptounit-mk-commit\n" + ASKED + COMMITTED, ("cryptounit-mk-rotate",)),
        (LOAD + LOADED + ROTATE + BROKEN, ("cryptounit-mk-rotate",)),
        (ROTATE + SECOND, ("cryptounit-mks",)),
        # an OK of another command is none
        (AUTO + FIRST + "OK\nLogged in.\n", ("cryptounit-mk-rotate",)),
        # a job that was stopped and killed has ended, whether the shell says so or not
        (AUTO + FIRST + STOPPED + "$ kill -9 %1\n", ("cryptounit-mk-rotate",)),
        (AUTO + STOPPED + "$ kill -9 %1\n$ \n" + KILLED, ("auto-mk-rotate",)),
        (AUTO + STOPPED + KILLED, ("auto-mk-rotate",)),
        # looking, selecting and other programs are no attempts
        (AUTO + FIRST + "$ tke cryptounits\n$ tke cryptounit-add\nOK\n$ ls\n", ("cryptounit-mk-rotate",)),
        (
            AUTO + FIRST + "$ tke help auto-mk-rotate\n$ tke auto-mk-rotate --help\n",
            ("cryptounit-mk-rotate",),
        ),
        (AUTO + FIRST + "$ tke login\nOK\n", ("cryptounit-mk-rotate",)),
    ],
)
def test_messages_that_count(transcript: str, commands: tuple[str, ...]) -> None:
    """A message counts until its rotation has ended well, or auto-mk-rotate has begun once more."""
    assert typed(advice(transcript + "$ ")) == commands


@pytest.mark.parametrize(
    ("transcript", "hazard"),
    [
        (AUTO + FIRST + AUTO, Hazard.NEW_REPLACED),
        (AUTO + FIRST + "$ tke auto-mk-rotate\n", Hazard.NEW_REPLACED),
        (AUTO + FIRST + AUTO + FIRST + BROKEN, Hazard.NEW_REPLACED),
        (LOAD + LOADED + ROTATE + BROKEN + AUTO, Hazard.NEW_REPLACED),
        (AUTO + FIRST + CLRNEW + CLEARED, Hazard.NEW_CLEARED),
        (LOAD + LOADED + ROTATE + BROKEN + CLRNEW, Hazard.NEW_CLEARED),
        (AUTO + FIRST + SETIMM, Hazard.PROMOTED_EARLY),
        (LOAD + LOADED + SETIMM, Hazard.PROMOTED_EARLY),
        (AUTO + FIRST + f"$ tke cryptounit-zeroize\n{ASKED}OK\n", Hazard.CURRENT_CLEARED),
        (f"$ tke cryptounit-mk-clrcur\n{ASKED}OK\n", Hazard.CURRENT_CLEARED),
        (AUTO + FIRST + SECOND + f"$ tke auto-mk-recover\n{ASKED}OK\n", Hazard.OLD_KEY_BACK),
    ],
)
def test_hazards(transcript: str, hazard: Hazard) -> None:
    """After a command that may have destroyed a master key in use no rule is applied; it is quoted."""
    told = advice(transcript + "$ ")
    assert (told.answer, told.reason, told.hazard, told.orders) == (Answer.STOP, Reason.HAZARD, hazard, ())
    assert told.quotes


@pytest.mark.parametrize("command", ["cryptounit-mk-clrnew", "cryptounit-zeroize", "auto-mk-rotate"])
def test_a_refused_command_is_no_hazard(command: str) -> None:
    """A command that says that it changed nothing leaves everything as it was."""
    told = advice(f"{AUTO}{FIRST}$ tke {command}\n{PRECHECK}$ ")
    assert (told.answer, typed(told)) == (Answer.RUN, ("cryptounit-mk-rotate",))


def test_a_rerun_that_rewrapped_everything_is_no_hazard() -> None:
    """Message 2 of the rerun says that all of key storage is under the key that it made."""
    assert typed(advice(AUTO + FIRST + AUTO + FIRST + SECOND + "$ ")) == ("cryptounit-mks",)


@pytest.mark.parametrize(
    ("transcript", "doubt"),
    [
        ("Committing the master key value\n$ ", Doubt.NO_START),
        ("Committing the master key value\n" + AUTO + "$ ", Doubt.NO_START),
        (AUTO, Doubt.NO_END),
        (AUTO + "FAILED\nx\n", Doubt.NO_END),
        (AUTO + FIRST, Doubt.NO_END),
        (AUTO + "$ tke auto-mk-ro", Doubt.NO_END),
        (AUTO + STOPPED + "$ ", Doubt.NO_END),
        (AUTO + FIRST + STOPPED + "$ bg\n[1]+ tke auto-mk-rotate &\n$ ", Doubt.NO_END),
        (
            AUTO + FIRST + STOPPED + "$ jobs\n[1]+  Stopped                 tke auto-mk-rotate\n$ ",
            Doubt.NO_END,
        ),
        ("$ tke auto-mk-rotate > log\n$ ", Doubt.NOT_SHOWN),
        (f"$ tke auto-mk-rotate | grep -v x\n{ASKED}$ ", Doubt.NOT_SHOWN),
        ("$ tke auto-mk-rotate\n$ ", Doubt.GAP),
        ("$ tke auto-mk-rotate\nFAILED\nx\n$ ", Doubt.GAP),
        (AUTO + BROKEN + "$ ", Doubt.GAP),
        (f"$ ./rotate.sh\n{FIRST}{SECOND}$ ", Doubt.UNNAMED),
        ("$ tke cryptounits\n$ ", Doubt.NO_ROTATION),
    ],
)
def test_doubts(transcript: str, doubt: Doubt) -> None:
    """Where a message may be missing from what is shown, the advice is to look."""
    told = advice(transcript)
    assert (told.answer, told.reason) == (Answer.LOOK, Reason.DOUBT)
    assert doubt in told.doubts
    assert "cryptounit-mks" in typed(told)


@pytest.mark.parametrize("flow", ["auto", ""])
def test_rewrapped_without_message_1(flow: str) -> None:
    """Who rewraps after a rotation that showed no message is not told to make NEW anew, whatever the flow."""
    assert advice(f"{AUTO}{ROTATE}$ ", flow=flow).answer is Answer.LOOK
    told = advice(f"{ROTATE}$ ", flow=flow)
    assert "auto-mk-rotate" not in typed(told)


def test_what_was_seen_was_seen() -> None:
    """Message 1 below a beginning that is cut off decides all the same."""
    assert typed(advice(f"value in 3 of 3 crypto units....\n{FIRST}$ ")) == ("cryptounit-mk-rotate",)


@pytest.mark.parametrize("at", range(1, len("ibmcloud tke auto-mk-rotate")))
def test_a_command_line_that_was_broken(at: int) -> None:
    """A name at the right edge of a narrow window is still that command."""
    line = "ibmcloud tke auto-mk-rotate"
    told = advice(f"me@host:~$ {line[:at]}\n{line[at:]}\n{ASKED}{FIRST}me@host:~$ ")
    assert (told.evidence.command, typed(told)) == ("auto-mk-rotate", ("cryptounit-mk-rotate",))


def test_output_that_goes_to_the_terminal_too() -> None:
    """A command piped into tee was seen."""
    assert typed(advice(f"$ tke auto-mk-rotate 2>&1 | tee log\n{ASKED}{FIRST}$ ")) == (
        "cryptounit-mk-rotate",
    )


@pytest.mark.parametrize(
    ("transcript", "command"),
    [
        (f"$ tke auto-mk-rotate\n{PRECHECK}", "auto-mk-rotate"),
        (f"$ tke auto-mk-rotate\n{PRECHECK}" * 2, "auto-mk-rotate"),
        (f"{ROTATE}{PRECHECK}", "cryptounit-mk-rotate"),
        (f"{AUTO}FAILED\nThe command was cancelled. Nothing was changed.\n", "auto-mk-rotate"),
    ],
)
def test_a_failed_precheck(transcript: str, command: str) -> None:
    """The page has a rule for it: correct the condition, then run the same command again."""
    told = advice(f"{transcript}$ ")
    assert (told.answer, told.reason, typed(told)) == (Answer.RUN, Reason.REFUSED, (command,))


@pytest.mark.parametrize("begun", ["$ tke auto-mk-rotate\n", f"{AUTO}{FIRST}{ROTATE}"])
def test_a_precheck_of_the_registers(begun: str) -> None:
    """Registers that a pre-check complains of may be what an earlier rotation has left: they decide."""
    unequal = PRECHECK.replace(
        "Why.",
        "Current master key registers are set in multiple crypto units but are not set to the same value.",
    )
    told = advice(f"{begun}{unequal}$ ")
    assert (told.answer, told.reason) == (Answer.LOOK, Reason.CONDITION)


@pytest.mark.parametrize("word", ["FAILED", "FEHLGESCHLAGEN", "失敗", "ECHEC", "Błąd"])
@pytest.mark.parametrize("status", ["401", "503"])
def test_an_error_before_the_start(word: str, status: str) -> None:
    """A command that was refused at its first query has changed nothing, in whatever language it says so."""
    error = f"$ tke auto-mk-rotate\n{word}\nError querying service instances.\nStatus code: {status}\n"
    login = ("login",) if status == "401" else ()
    assert typed(advice(f"{error}$ ")) == (*login, "auto-mk-rotate")
    assert typed(advice(f"{AUTO}{FIRST}{error}$ ")) == (*login, "cryptounit-mk-rotate")


def test_silence_right_before_message_1() -> None:
    """Where message 1 is the next line, one lost line would hide it: the registers decide."""
    assert typed(advice(f"{AUTO}{MADE}{ONE_OF_TWO}$ ")) == ("auto-mk-rotate",)
    told = advice(f"{AUTO}{MADE}{ONE_OF_TWO}{TWO_OF_TWO}$ ")
    assert (told.answer, Doubt.LAST_COMMIT in told.doubts) == (Answer.LOOK, True)
    unit = (
        "FAILED\nError sending HTPRequest to target service instance.\nStatus code: 503\nx\nCrypto unit: 2\n"
    )
    assert typed(advice(f"{AUTO}{MADE}{ONE_OF_TWO}{TWO_OF_TWO}{unit}$ ")) == ("auto-mk-rotate",)


@pytest.mark.parametrize(
    "line",
    [
        "kernel: usb 1-1: new device\n",  # another program
        "Committing the master key value in\n",  # cut off
        "Committing the master key value in 2 of 3 crypto units....\n",  # not the next one
        "Delaying 30 sec\n",  # the beginning of message 1
        "er new master key values\n",  # its end
        "Setting the master key value in 1 of 2 crypto units....\n",  # what comes after both
        "FAILED\nError sending rewrap request to the key management service.\n",
    ],
)
@pytest.mark.parametrize("before", [AUTO, AUTO + MADE, AUTO + MADE + ONE_OF_TWO])
def test_silence_is_broken(before: str, line: str) -> None:
    """One line that the command does not print there, and the silence proves nothing."""
    told = advice(f"{before}{line}$ ")
    assert "auto-mk-rotate" not in typed(told)
    assert told.answer is Answer.LOOK or typed(told) == ("cryptounit-mk-rotate",)


def test_an_earlier_rotation_that_is_not_shown() -> None:
    """Who clears NEW replaces what another rotation has left; what that was is not guessed."""
    clearing = "Clearing the new master key register of crypto unit 1....\n"
    told = advice(f"{AUTO}{clearing}$ ")
    assert (told.answer, Doubt.EARLIER in told.doubts) == (Answer.LOOK, True)
    assert typed(advice(f"{AUTO}{MADE}$ {AUTO[2:]}{clearing}$ ")) == ("auto-mk-rotate",)


@pytest.mark.parametrize(
    "typo", ["auto-mk-ro", "aut0-mk-rotate", "auto-mk-r0tate", "cryptounit-mk-r", "auto—mk—rotete"]
)
def test_a_command_line_that_cannot_be_read(typo: str) -> None:
    """What may be a command of a rotation is not passed over."""
    refused = "$ tke auto-mk-rotate\n" + TOKEN
    told = advice(f"{refused}$ tke {typo}\nx\n$ ")
    assert (told.answer, Doubt.UNREAD in told.doubts) == (Answer.LOOK, True)


def test_a_rotation_below_another_command() -> None:
    """Lines of a rotation in the output of a program that has none belong to a command that was lost."""
    refused = "$ tke auto-mk-rotate\n" + TOKEN
    told = advice(f"{refused}$ ls\n{TWO_OF_TWO}$ ")
    assert (told.answer, Doubt.UNREAD in told.doubts) == (Answer.LOOK, True)
    assert [quote.text for quote in told.quotes if quote.text == TWO_OF_TWO.strip()]


def test_two_service_instances_in_one_transcript() -> None:
    """Rotations of two service instances are not one after the other's failure."""
    other = AUTO.replace(INSTANCE, "11111111-0000-0000-0000-000000000000")
    told = advice(f"{other}{FIRST}{AUTO}$ ")
    assert told.answer in (Answer.LOOK, Answer.STOP)
    assert advice(f"{other}{MADE}{AUTO}{MADE}$ ").answer is Answer.LOOK
    assert typed(advice(f"{other}{FIRST}{SECOND}{ROTATED}{AUTO}{MADE}$ ")) == ("auto-mk-rotate",)


@pytest.mark.parametrize("text", ["", " \n\n", "total 4\n-rw-r--r-- 1 me me 0 notes\n$ "])
def test_nothing_to_judge(text: str) -> None:
    """An empty file, or one that holds nothing of tke, is bad input."""
    with pytest.raises(BadTranscript, match="give the"):
        advice(text)
