"""Several attempts in one transcript: whose messages count, and what must not have been run between them."""

import pytest

from harness.advise.advice import Answer, Reason
from harness.advise.reading import BadTranscript
from harness.model.history import Doubt, Hazard
from tests.harness.advise.conftest import advice, typed

ASKED = "Enter the password for the signature key identified by:\nadmin1 (8e62...)\n> \n"
FIRST = "Delaying 30 seconds to allow server to discover new master key values\n"
SECOND = "KMS CRK rewrap successful, waiting on cryptounit-mk-setimm\n"
ROTATED = "\nOK\nMaster key rotation successful.\n"
PRECHECK = "FAILED\nAn initial condition of the command is not met.\nWhy.\nNothing was changed.\n"
TOKEN = "FAILED\nError querying service instances.\nStatus code: 401\n"
BROKEN = "FAILED\nError sending rewrap request to the key management service.\n"

AUTO = f"$ tke auto-mk-rotate\n{ASKED}"
ROTATE = f"$ tke cryptounit-mk-rotate\n{ASKED}"
LOADED = "OK\nThe new master key register has been loaded in the selected crypto units.\n"
COMMITTED = LOADED.replace("loaded", "committed")
CLEARED = LOADED.replace("loaded", "cleared")
PROMOTED = "OK\nSet immediate completed successfully in the selected crypto units.\n"
LOAD = f"$ tke cryptounit-mk-load\n{ASKED}"
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


def test_the_page_has_no_rule_for_a_failed_precheck() -> None:
    """A first attempt that was refused is looked into."""
    told = advice(f"$ tke auto-mk-rotate\n{PRECHECK}$ ")
    assert (told.answer, told.reason) == (Answer.LOOK, Reason.SILENT)


@pytest.mark.parametrize("text", ["", " \n\n", "total 4\n-rw-r--r-- 1 me me 0 notes\n$ "])
def test_nothing_to_judge(text: str) -> None:
    """An empty file, or one that holds nothing of tke, is bad input."""
    with pytest.raises(BadTranscript, match="give the"):
        advice(text)
