"""Registers and rows beside the messages: which of them decides, and what happens where they contradict."""

import pytest

from hil.targets.hpcs.tools.advise.advice import Answer, Reason
from hil.targets.hpcs.tools.advise.reading import BadTranscript
from hsm_emulator.instance import Instance, UnitType
from hsm_emulator.registers import RegisterState
from hsm_emulator.tke import screen
from hsm_emulator.tke.unitstate import RegisterStatus, UnitStatus
from tests.hil.targets.hpcs.tools.advise import test_attempts as texts
from tests.hil.targets.hpcs.tools.advise.conftest import advice, typed
from tests.hil.targets.hpcs.tools.advise.test_attempts import (
    ASKED,
    AUTO,
    FIRST,
    LOAD,
    LOADED,
    PRECHECK,
    ROTATE,
    SECOND,
)

OLD, KEY, OTHER = "a" * 64, "b" * 64, "c" * 64
INSTANCE = Instance(texts.INSTANCE, "", "", "", "", "", ())
EMPTY = RegisterStatus(RegisterState.EMPTY, "0" * 64)


def _unit(number: int, current: str, new: RegisterStatus) -> UnitStatus:
    kind = UnitType.RECOVERY if number == 3 else UnitType.OPERATIONAL
    return UnitStatus(
        number, kind, "", 1, False, 2, 2, 0, (), RegisterStatus(RegisterState.VALID, current), new
    )


def _committed(pattern: str) -> RegisterStatus:
    return RegisterStatus(RegisterState.FULL_COMMITTED, pattern)


def _screens(*units: tuple[str, RegisterStatus], rows: dict[str, int] | None = None) -> str:
    states = [_unit(number, *unit) for number, unit in enumerate(units, start=1)]
    lines = [*screen.new_registers(INSTANCE, states), "", *screen.current_registers(INSTANCE, states)]
    if rows is not None:
        lines += ["", *screen.key_storage(INSTANCE, {half[:32]: count for half, count in rows.items()})]
    return "\n".join(lines)


PENDING, DONE, IDLE = (OLD, _committed(KEY)), (KEY, EMPTY), (OLD, EMPTY)
FILLED = (OLD, RegisterStatus(RegisterState.FULL_UNCOMMITTED, KEY))
NONE, SOME, ALL, PARTLY = (PENDING,) * 3, (DONE, PENDING, PENDING), (DONE,) * 3, (FILLED, IDLE, FILLED)
SETIMM = ("cryptounit-mk-setimm",)
REST = ("cryptounit-rm 1", *SETIMM)
TAIL = "Committing the master key value in 3 of 3 crypto units....\n$ "


@pytest.mark.parametrize(
    ("transcript", "screens", "commands"),
    [
        # the page's branches
        (AUTO + FIRST + SECOND, _screens(*NONE), SETIMM),
        (AUTO + FIRST + SECOND, _screens(*SOME), REST),
        (AUTO + FIRST, _screens(*NONE), ("cryptounit-mk-rotate",)),
        (AUTO, _screens(*PARTLY), ("auto-mk-rotate",)),
        (AUTO, _screens(IDLE, IDLE, IDLE), ("auto-mk-rotate",)),
        (ROTATE + SECOND, _screens(*SOME), REST),
        # every register holds a committed key: message 1 may have been lost, and this is right either way
        (AUTO, _screens(*NONE), ("cryptounit-mk-rotate",)),
        (TAIL, _screens(*NONE), ("cryptounit-mk-rotate",)),
        (f"$ tke auto-mk-rotate\n{PRECHECK}", _screens(*NONE), ("cryptounit-mk-rotate",)),
        # no message at all, the screens alone
        (TAIL, _screens(*SOME, rows={KEY: 9}), REST),
        # message 2 was lost
        (AUTO + FIRST, _screens(*SOME, rows={KEY: 9}), REST),
    ],
)
def test_commands(transcript: str, screens: str, commands: tuple[str, ...]) -> None:
    """The page's branch where messages and registers agree; else what destroys nothing."""
    told = advice(transcript.removesuffix("$ ") + "$ ", screens)
    assert (told.answer, typed(told)) == (Answer.RUN, commands)


@pytest.mark.parametrize(
    ("transcript", "screens", "answer", "reason"),
    [
        (AUTO + FIRST + SECOND, _screens(*ALL), Answer.DONE, Reason.RULE),
        (TAIL, _screens(*ALL, rows={KEY: 9}), Answer.DONE, Reason.AT_REST),
        (AUTO + FIRST, _screens(*ALL, rows={KEY: 9}), Answer.DONE, Reason.AT_REST),
        # what depends on the rows is not guessed
        (TAIL, _screens(*PARTLY), Answer.LOOK, Reason.ROWS),
        (TAIL, _screens(*SOME), Answer.LOOK, Reason.ROWS),
        (AUTO + FIRST, _screens(*SOME), Answer.LOOK, Reason.ROWS),
        # nor what depends on the flow
        (TAIL, _screens(*PARTLY, rows={OLD: 9}), Answer.LOOK, Reason.FLOW),
        # rows under a key that units lack
        (TAIL, _screens(*PARTLY, rows={KEY: 9}), Answer.STOP, Reason.NO_RULE),
        (TAIL, _screens(*NONE, rows={OTHER: 9}), Answer.STOP, Reason.NO_RULE),
        # message 1 says that every register is set: one of the two is wrong
        (AUTO + FIRST, _screens(*PARTLY, rows={OLD: 9}), Answer.STOP, Reason.CONTRADICTION),
        (AUTO + FIRST + SECOND, _screens(*PARTLY, rows={OLD: 9}), Answer.STOP, Reason.CONTRADICTION),
    ],
)
def test_no_commands(transcript: str, screens: str, answer: Answer, reason: Reason) -> None:
    """Where nothing is left, or nothing is safe, nothing that changes a crypto unit is advised."""
    told = advice(transcript.removesuffix("$ ") + "$ ", screens)
    assert (told.answer, told.reason) == (answer, reason)
    assert not {order.command for order in told.orders} & {"auto-mk-rotate", *SETIMM, "cryptounit-mk-clrnew"}


def test_flow_that_the_operator_knows() -> None:
    """Where the transcript does not tell the kind of rotation, the operator can."""
    screens = _screens(*PARTLY, rows={OLD: 9})
    assert typed(advice(TAIL, screens, flow="auto")) == ("auto-mk-rotate",)
    assert typed(advice(TAIL, screens, flow="parts"))[0] == "cryptounit-mk-clrnew"


def test_a_contradiction_is_said() -> None:
    """Promoted crypto units without message 2: the registers decide, and the advice says that they differ."""
    assert advice(AUTO + FIRST + "$ ", _screens(*SOME, rows={KEY: 9})).contradiction
    assert not advice(AUTO + FIRST + SECOND + "$ ", _screens(*SOME, rows={KEY: 9})).contradiction


def test_registers_in_the_transcript() -> None:
    """A look that stands in the transcript counts until something is changed."""
    look = f"$ tke cryptounit-mk\n{_screens(*SOME)}\n"
    assert typed(advice(AUTO + FIRST + SECOND + look + "$ ")) == REST
    assert typed(advice(AUTO + FIRST + look + ROTATE + SECOND + "$ ")) == ("cryptounit-mks",)


def test_half_a_table_counts_for_nothing() -> None:
    """Of tables that were cut off no unit is believed."""
    half = _screens(*SOME)[:-150]
    assert typed(advice(f"{AUTO}{FIRST}{SECOND}$ tke cryptounit-mk\n{half}\n$ ")) == ("cryptounit-mks",)
    with pytest.raises(BadTranscript, match="both tables"):
        advice(AUTO + FIRST + SECOND, half)


def test_commit_that_broke_off_at_the_end() -> None:
    """In the key-part flow NEW is not cleared where every register holds the committed key."""
    transcript = f"{LOAD}{LOADED}$ tke cryptounit-mk-commit\n{ASKED}$ "
    assert typed(advice(transcript))[0] == "cryptounit-mk-clrnew"
    assert typed(advice(transcript, _screens(*NONE))) == ("cryptounit-mk-rotate",)


OTHERS = Instance("11111111-0000-0000-0000-000000000000", "", "", "", "", "", ())


def _several(*units: tuple[str, RegisterStatus], first: bool) -> str:
    """Screens of two service instances; the other one is at rest."""
    mine = [_unit(number, *unit) for number, unit in enumerate(units, start=1)]
    theirs = [_unit(number, OTHER, EMPTY) for number in (4, 5)]
    both = [(INSTANCE, mine), (OTHERS, theirs)]
    titles = (screen.new_registers, screen.current_registers)
    tables = [[title(*one) for one in (both if first else both[::-1])] for title in titles]
    return "\n".join(line for one, other in tables for line in (*one, "", *other[1:], ""))


@pytest.mark.parametrize("first", [True, False])
def test_several_service_instances(first: bool) -> None:  # noqa: FBT001 - which comes first
    """Of several service instances on a screen the one that is rotated counts, wherever it stands."""
    both = AUTO + FIRST + SECOND
    assert typed(advice(both + "$ ", _several(*NONE, first=first))) == SETIMM
    assert typed(advice(both + "$ ", _several(*SOME, first=first))) == REST
    look = f"$ tke cryptounit-mk\n{_several(*SOME, first=first)}\n"
    assert typed(advice(both + look + "$ ")) == REST


@pytest.mark.parametrize("transcript", [ROTATE + SECOND, TAIL.removesuffix("$ ") + FIRST + SECOND])
def test_which_of_several_is_not_guessed(transcript: str) -> None:
    """Where the transcript does not name its service instance, the advice is to show that one."""
    told = advice(transcript + "$ ", _several(*NONE, first=True))
    assert (told.answer, told.reason) == (Answer.LOOK, Reason.INSTANCE)


def test_registers_of_another_service_instance() -> None:
    """Registers of an instance that is not the one of the rotation decide nothing."""
    other = _screens(*ALL).replace(texts.INSTANCE, OTHERS.instance)
    told = advice(AUTO + FIRST + SECOND + "$ ", other)
    assert (told.answer, told.reason) == (Answer.LOOK, Reason.INSTANCE)
    assert typed(advice(AUTO + FIRST + "$ ", other)) == ("cryptounit-mk-rotate",)


def test_a_screen_with_more_below_it() -> None:
    """A screen of the transcript below which something else stands is not believed."""
    look = f"$ tke cryptounit-mk\n{_screens(*NONE)}\nmay or may not have taken effect\n$ "
    assert typed(advice(AUTO + FIRST + SECOND + look)) == ("cryptounit-mks",)
