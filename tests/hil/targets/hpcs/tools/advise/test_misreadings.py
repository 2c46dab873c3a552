"""Texts that read as if nothing had begun, or all were done, although something else has happened."""

import pytest

from hil.targets.hpcs.model.history import Doubt
from hil.targets.hpcs.tools.advise.advice import Answer
from tests.hil.targets.hpcs.tools.advise import test_registers as screens
from tests.hil.targets.hpcs.tools.advise.conftest import advice, typed
from tests.hil.targets.hpcs.tools.advise.test_attempts import (
    ASKED,
    AUTO,
    COMMITTED,
    FIRST,
    INSTANCE,
    LOAD,
    LOADED,
    MADE,
    ONE_OF_TWO,
    PROMOTED,
    ROTATED,
    SECOND,
    SETIMM,
    STOPPED,
    TOKEN,
    TWO_OF_TWO,
)
from tests.hil.targets.hpcs.tools.advise.test_registers import IDLE, KEY, NONE, OLD, PARTLY, SOME

DESTROYING = {"auto-mk-rotate", "cryptounit-mk-clrnew", "cryptounit-mk-setimm"}
CLEARING = "Clearing the new master key register of crypto unit 1....\n"
REFUSED = f"$ tke auto-mk-rotate\n{TOKEN}"
COMMIT = f"$ tke cryptounit-mk-commit\n{ASKED}"
LAST = AUTO + MADE + ONE_OF_TWO + TWO_OF_TWO
FULL = "FAILED\nError reported by EP11 crypto module.\nReturn code: 80\nReason code: 53\nCrypto unit: 1\n"
ELSEWHERE = AUTO.replace(INSTANCE, "11111111-0000-0000-0000-000000000000")
HIDDEN = "prod| " + LAST[2:] + FIRST + "prod| \n"  # at a prompt that nobody knows


@pytest.mark.parametrize("mark", ["\u2192 ", "\u279c ", "# ", "% ", "$ ", "\u276f ", "[0] "])
def test_a_line_that_somebody_has_marked(mark: str) -> None:
    """A line of a rotation behind a sign that could be a prompt is a line of the rotation, not a command."""
    told = advice(f"{AUTO}{MADE}{ONE_OF_TWO}{mark}{TWO_OF_TWO}{mark}{FIRST}$ ")
    assert typed(told) == ("cryptounit-mk-rotate",)


@pytest.mark.parametrize("mark", ["\u2192 ", "# ", "% ", "\u276f ", "me@host:/# "])
def test_a_mark_that_is_not_the_prompt(mark: str) -> None:
    """Output that ends at a sign unlike the prompt it was typed at is not known to have ended."""
    for width in (5, 8, 14, 20):
        cut = "".join(f"{mark}{line[:width]}\n" for line in (TWO_OF_TWO, FIRST))
        assert "auto-mk-rotate" not in typed(advice(f"{AUTO}{MADE}{ONE_OF_TWO}{cut}$ "))


@pytest.mark.parametrize(
    "transcript",
    [
        # NEW held something that nothing shown has put there
        REFUSED + AUTO + CLEARING,
        AUTO + "Interrupted.\n" + AUTO + CLEARING,
        LOAD + FULL,
        COMMIT,
        COMMIT + FULL,
        # the end of another service instance's rotation is not that of this one
        AUTO + FIRST + ELSEWHERE + FIRST + SECOND + ROTATED,
        AUTO + FIRST + ELSEWHERE + FIRST + SECOND + ROTATED + REFUSED,
        AUTO + FIRST + "$ \nMaster key rotation successful.\n" + REFUSED,
        # a rotation stands below a command that ended well, or was refused
        SETIMM + PROMOTED + HIDDEN,
        SETIMM + PROMOTED + HIDDEN + REFUSED,
        LOAD + LOADED + HIDDEN,
        f"{REFUSED}prod| tke aut0-rnk-r0tate\n{FIRST.replace('e', 'c')}",
        # a job among several, and one that goes on
        f"{AUTO}{MADE}$ \n[0] {TWO_OF_TWO}[0] {FIRST}",
        AUTO + STOPPED + "$ kill -CONT %1\n",
        AUTO + STOPPED + "$ kill -0 %1\n",
        AUTO + STOPPED + "$ kill 4711\n",
        # the title of a window, whose end a clipboard has dropped
        f"{AUTO}{MADE}{ONE_OF_TWO}\x1b]0;me\n{TWO_OF_TWO}{FIRST}\x1b\\",
    ],
)
def test_no_silence(transcript: str) -> None:
    """What may have happened all the same rules out each command that would destroy its key."""
    told = advice(f"{transcript}$ ")
    assert not {order.command for order in told.orders} & DESTROYING
    assert told.answer in (Answer.LOOK, Answer.STOP) or typed(told)[-1] == "cryptounit-mk-rotate"


@pytest.mark.parametrize(
    ("transcript", "registers", "commands"),
    [
        # rows contradict the second message, or the silence
        (AUTO + FIRST + SECOND, screens._screens(*NONE, rows={OLD: 9}), ("cryptounit-mk-rotate",)),
        (AUTO + FIRST + SECOND, screens._screens(*NONE, rows={OLD: 4, KEY: 5}), ("cryptounit-mk-rotate",)),
        (AUTO + FIRST + SECOND, screens._screens(*SOME, rows={OLD: 4, KEY: 5}), ()),
        (AUTO + MADE, screens._screens(*PARTLY, rows={OLD: 4, KEY: 5}), ()),
        (REFUSED, screens._screens(*PARTLY, rows={OLD: 4, KEY: 5}), ()),
        # screens that are older than the transcript, or show some crypto units only
        (LAST.replace("of 2", "of 3"), screens._screens(*PARTLY, rows={OLD: 9}), ()),
        (LAST, screens._screens(*PARTLY, rows={OLD: 9}), ()),
        (AUTO + MADE + ONE_OF_TWO, screens._screens(IDLE, NONE[0], rows={OLD: 9}), ()),
        # a key that was loaded after the second message is not the one it speaks of
        (
            AUTO + FIRST + SECOND + LOAD + LOADED + COMMIT + COMMITTED,
            screens._screens(*NONE),
            ("cryptounit-mk-rotate",),
        ),
    ],
)
def test_screens_beside_messages(transcript: str, registers: str, commands: tuple[str, ...]) -> None:
    """Rows and registers that contradict what was printed are not passed over."""
    told = advice(f"{transcript}$ ", registers)
    assert typed(told) == commands
    assert told.answer is (Answer.RUN if commands else Answer.STOP)
    assert told.contradiction or Doubt.EARLIER in told.doubts


@pytest.mark.parametrize(
    "shown",
    [
        "FAILED\n'rotation-status' is not a registered command.\n",
        f"KEY STORAGE\nMASTER KEY   KEY VERSIONS\n{OLD[:32]}   4\n{KEY[:20]}\n",
        f"KEY STORAGE\nMASTER KEY   KEY VERSIONS\n{OLD[:32]}   4\n{KEY[:31]}g  5\n",
        f"KEY STORAGE\nMASTER KEY   KEY VERSIONS\n{OLD[:32]}   4\n3: {KEY[:32]}  5\n",
        "KEY STORAGE\nMASTER KEY   KEY VERSIONS\n",
    ],
)
def test_rows_that_are_not_shown_whole(shown: str) -> None:
    """Rows that could not be read are not rows under the current master key."""
    registers = f"$ tke cryptounit-mk\n{screens._screens(*PARTLY)}\n"
    told = advice(f"{AUTO}{CLEARING}{registers}$ tke rotation-status\n{shown}$ ")
    assert (told.answer, told.evidence.rows) == (Answer.LOOK, None)
