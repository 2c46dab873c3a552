"""Breaking off the rotation of a drill, and what the page says to do then."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness import sut
from harness.campaign.attempt import look
from harness.campaign.console import mend
from harness.drill.points import Point
from harness.model.crash import Crash
from harness.model.evidence import Evidence
from harness.model.ledger import Ledger
from harness.model.orders import orders
from harness.model.registers import UnitRegisters, promotion
from harness.model.rules import LOOK, Act, Look, Rule, decide
from harness.procedures import load
from harness.rig import golden
from harness.rig.golden import GoldenError
from harness.rig.rig import Rig


@dataclass(frozen=True)
class Way:
    """What the page says to do: rule, where that is from, and commands."""

    rule: str
    source: str
    commands: tuple[str, ...]


@dataclass(frozen=True)
class Struck:
    """A rotation that was broken off: registers before it, state at rest after it, and what was printed."""

    before: Sequence[UnitRegisters]
    crash: Crash
    transcript: Sequence[str]
    way: Way


class Strike:
    """Sets up an instance as ``golden.prepare`` does and breaks off a rotation in it: see ``struck`` then."""

    def __init__(self, point: Point) -> None:
        self._scenario = point.scenario
        self.struck: Struck

    def prepare(self, rig: Rig) -> tuple[Ledger, Sequence[UnitRegisters]]:
        """Leave the instance on ``rig`` as an operator finds it, with what has died running again."""
        ledger, before = golden.prepare(rig)
        rig.terminal.clear()
        rig.conductor.begin(self._scenario.faults)
        for command in sut.FLOWS[self._scenario.flow]:
            ended = rig.tke(command, sut.answers())
            if ended.exit_code != 0:
                break
        fired = all(rig.conductor.fired)
        mend(rig)
        if not fired:
            raise GoldenError(f"the rotation did not come to {self._scenario.faults[0].id}")
        crash = look(rig, self._scenario, ended)
        self.struck = Struck(before, crash, tuple(rig.terminal.transcript), way(crash))
        return ledger, before


def way(crash: Crash) -> Way:
    """Return what the documented procedure says to do from a crash on."""
    procedure = load.builtin("documented")
    facts = Evidence(crash.flow, crash.command, crash.ended, *crash.messages)
    decision = decide(procedure, facts)
    looked = isinstance(decision, Look)
    if looked:
        decision = decide(procedure, replace(facts, promotion=promotion(crash.units)))
    if not isinstance(decision, Act):
        raise GoldenError(f"the page has no answer to this drill: {decision}")
    return _way(decision.rule, crash, looked=looked)


def _way(rule: Rule, crash: Crash, *, looked: bool) -> Way:
    typed = orders(rule, crash.command, sut.FLOWS[crash.flow], crash.units)
    return Way(rule.name, rule.source, (*((LOOK,) if looked else ()), *map(str, typed)))
