"""Procedures, followed by the bench's own operator at a console of the twin: every kill, in milliseconds."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.instance import Instance as ServiceInstance
from emulator.instance import UnitType
from emulator.registers import RegisterState
from emulator.tke import screen
from emulator.tke.unitstate import Register, UnitState
from harness import sut
from harness.faults.terminal import Answers, Ended
from harness.model.standing import Extent
from harness.model.twin.commands import run
from harness.model.twin.instance import OLD, Instance, Unit
from harness.model.twin.predict import Prediction, predict
from harness.model.verdicts import Verdict
from harness.procedures import load
from harness.procedures.operator import Operator, Recovery

MESSAGES = {
    1: "Delaying 30 seconds to allow server to discover new master key values",
    2: "KMS CRK rewrap successful, waiting on cryptounit-mk-setimm",
}
ROWS = 12
KILLED = -9
NOWHERE = ServiceInstance("", "", "", "", "", "", ())
FULL = {False: RegisterState.FULL_UNCOMMITTED, True: RegisterState.FULL_COMMITTED}


@dataclass(frozen=True)
class Kill:
    """At which command typed and which of its steps, counted from 0; a server dies where not ``of_tke``."""

    command: int
    step: int
    of_tke: bool = True


@dataclass
class Console:
    """A terminal on which the twin answers; a command that a kill is meant for stops where the kill says."""

    at: Instance
    kills: Sequence[Kill] = ()
    typed: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    struck: bool = False

    def tke(self, command: str, answers: Answers = ()) -> Ended:
        """Run a command of the twin."""
        numbers = [answer for pattern, answer in answers if pattern.search("Enter a list of CRYPTO UNIT NUM")]
        line = f"{command} {numbers[0]}" if command in {"cryptounit-rm", "cryptounit-add"} else command
        ran = run(self.at, line)
        kill = next((kill for kill in self.kills if kill.command == len(self.typed)), None)
        self.typed.append(line)
        self.struck = kill is not None and kill.step < len(ran.states) - 1
        end = ran.states[kill.step] if kill and self.struck else ran.end
        lines = [MESSAGES[number] for number in sorted(end.shown - self.at.shown)]
        if self.struck:
            code = KILLED if kill and kill.of_tke else 1
        else:
            code = 1 if ran.refused else 0
            untouched = [] if len(ran.states) > 1 else ["Nothing was changed."]
            lines += [f"FAILED: {ran.refused}", *untouched] if ran.refused else []
        self.at = end
        lines += _tables(end.chosen) if command == "cryptounit-mks" else []
        self.shown += lines
        return Ended(command, tuple(lines), code)

    def lines(self) -> list[str]:
        """The whole transcript."""
        return self.shown

    def between(self) -> bool:
        """Whether something died in the last command."""
        return self.struck


def _tables(units: Sequence[Unit]) -> list[str]:
    """Both register tables as ``tke`` prints them."""
    states = [
        UnitState(
            number=unit.number,
            type=UnitType(unit.type),
            module="",
            domain=1,
            imprint=unit.imprint,
            signature_threshold=2,
            revocation_threshold=2,
            counter=0,
            administrators=(),
            current=_register(unit.current, RegisterState.VALID),
            new=_register(unit.new, FULL[unit.committed]),
        )
        for unit in units
    ]
    return [*screen.new_registers(NOWHERE, states), *screen.current_registers(NOWHERE, states)]


def _register(key: str | None, state: RegisterState) -> Register:
    pattern = (key or "").encode().hex().ljust(64, "0")
    return Register(state if key else RegisterState.EMPTY, pattern)


def _instance(operational: int, recovery: int, failover: int = 0) -> Instance:
    types = ["OPERATIONAL"] * operational + ["RECOVERY"] * recovery + ["FAILOVER"] * failover
    units = tuple(Unit(number, kind) for number, kind in enumerate(types, start=1))
    return Instance(units, ((OLD, ROWS),), tuple(unit.number for unit in units))


def _play(console: Console, flow: str, procedure: str) -> tuple[Recovery, Prediction]:
    """Rotate and recover; return what the operator did, and what is left."""
    operator = Operator(console, flow, load.builtin(procedure))
    ended = operator.rotate()
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


def test_the_console_prints_what_the_operator_reads() -> None:
    """Messages of the twin are the literal ones, so the tests above are about whole transcripts."""
    console = Console(_instance(1, 1))
    Operator(console, "auto", load.builtin("documented")).rotate()
    assert [line for line in console.shown if re.search("Delaying|rewrap", line)] == list(MESSAGES.values())
