"""Procedures, followed by the bench's own operator at a console of the twin: every kill, in milliseconds."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.model.verdicts import Verdict
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.model.standing import Extent
from hil.targets.hpcs.model.twin.commands import run
from hil.targets.hpcs.model.twin.instance import OLD, TwinInstance, TwinUnit
from hil.targets.hpcs.model.twin.predict import Prediction, predict
from hil.targets.hpcs.operator import load
from hil.targets.hpcs.operator.operator import Operator, Recovery
from tests.hil.targets.hpcs.operator.twinconsole import MESSAGES, Console, Kill

ROWS = 12


def _instance(operational: int, recovery: int, failover: int = 0) -> TwinInstance:
    types = ["OPERATIONAL"] * operational + ["RECOVERY"] * recovery + ["FAILOVER"] * failover
    units = tuple(TwinUnit(number, kind) for number, kind in enumerate(types, start=1))
    return TwinInstance(units, ((OLD, ROWS),), tuple(unit.number for unit in units))


def _play(console: Console, flow: str, procedure: str, *, blind: bool = False) -> tuple[Recovery, Prediction]:
    """Rotate and recover; return what the operator did, and what is left. ``blind``: the terminal is lost."""
    operator = Operator(console, flow, load.builtin(procedure))
    ended = operator.rotate()
    if blind:
        console.shown.clear()
        ended = replace(ended, lines=())
    recovery = operator.recover(ended) if ended.exit_code else Recovery((), (), "")
    (left,) = predict(console.at, [])
    return recovery, left


def _steps(flow: str, shape: tuple[int, int, int]) -> Iterator[Kill]:
    """Every step of a rotation at which something can be killed."""
    at = _instance(*shape)
    for place, command in enumerate(sut.FLOWS[flow]):
        ran = run(at, command)
        at = ran.end
        yield from (
            Kill(place, step, of_tke) for step in range(len(ran.states) - 1) for of_tke in (True, False)
        )


SHAPES = [(1, 1, 0), (3, 2, 0), (2, 1, 1)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("flow", sut.FLOWS)
def test_documented_from_every_step(flow: str, shape: tuple[int, int, int]) -> None:
    """The documented rule recovers from a kill at every step, as long as the transcript is whole."""
    kills = list(_steps(flow, shape))
    assert len(kills) > 6 * sum(shape), "three commands to each unit, two victims, and the rewrap"
    for kill in kills:
        recovery, left = _play(Console(_instance(*shape), [kill]), flow, "documented")
        assert (left.verdict, recovery.stuck) == (Verdict.RECOVERED, ""), kill


@pytest.mark.parametrize("flow", sut.FLOWS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_documented_through_several_deaths(flow: str, data: st.DataObject) -> None:
    """The documented rule applied again and again recovers from further kills during the recovery."""
    shape = data.draw(st.sampled_from(SHAPES))
    commands = sorted(data.draw(st.sets(st.integers(0, 5), min_size=1, max_size=3)))
    kills = [Kill(at, data.draw(st.integers(0, 30)), data.draw(st.booleans())) for at in commands]
    recovery, left = _play(Console(_instance(*shape), kills), flow, "documented")
    assert (left.verdict, recovery.stuck) == (Verdict.RECOVERED, "")


def test_documented_with_message_1_lost() -> None:
    """Where rows are rewrapped and the operator has not seen message 1, the same rule destroys their key."""
    lost = {True: set[Extent](), False: set[Extent]()}
    for kill in _steps("auto", (3, 2, 0)):
        console = Console(_instance(3, 2), [kill])
        operator = Operator(console, "auto", load.builtin("documented"))
        ended = operator.rotate()
        console.shown.clear()
        rewrapped = console.at.under(OLD) < ROWS
        if any(unit.current != OLD for unit in console.at.units):
            continue  # promoted: the rerun is refused
        operator.recover(replace(ended, lines=()))
        (left,) = predict(console.at, [])
        lost[rewrapped].add(left.gone)
    assert lost == {True: {Extent.SOME, Extent.ALL}, False: {Extent.NONE}}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("flow", sut.FLOWS)
def test_state_based_from_every_step(flow: str, shape: tuple[int, int, int]) -> None:
    """The rule that asks the state recovers from a kill at every step, whatever is left of the transcript."""
    for kill in _steps(flow, shape):
        for blind in (False, True):
            recovery, left = _play(Console(_instance(*shape), [kill]), flow, "state-based", blind=blind)
            assert (left.verdict, recovery.stuck) == (Verdict.RECOVERED, ""), (kill, blind)


@pytest.mark.parametrize("flow", sut.FLOWS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_state_based_through_several_deaths(flow: str, data: st.DataObject) -> None:
    """It does so also through further kills during the recovery, of looks and of changes."""
    shape = data.draw(st.sampled_from(SHAPES))
    commands = sorted(data.draw(st.sets(st.integers(0, 14), min_size=1, max_size=3)))
    kills = [Kill(at, data.draw(st.integers(0, 30)), data.draw(st.booleans())) for at in commands]
    console = Console(_instance(*shape), kills)
    recovery, left = _play(console, flow, "state-based", blind=data.draw(st.booleans()))
    assert (left.verdict, recovery.stuck) == (Verdict.RECOVERED, "")


def test_the_console_prints_what_the_operator_reads() -> None:
    """Messages of the twin are the literal ones, so the tests above are about whole transcripts."""
    console = Console(_instance(1, 1))
    Operator(console, "auto", load.builtin("documented")).rotate()
    assert [line for line in console.shown if re.search("Delaying|rewrap", line)] == list(MESSAGES.values())
