"""Breaking off the rotation of a drill, and what the page says to do then."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.model.crash import Crash
from hil.targets.hpcs.model.evidence import Evidence
from hil.targets.hpcs.model.ledger import Ledger
from hil.targets.hpcs.model.orders import orders
from hil.targets.hpcs.model.registers import UnitRegisters, promotion
from hil.targets.hpcs.model.rules import LOOK, Act, LookFirst, Rule, decide
from hil.targets.hpcs.operator import load
from hil.targets.hpcs.play.attempt import look
from hil.targets.hpcs.play.console import mend
from hil.targets.hpcs.rig import golden
from hil.targets.hpcs.rig.golden import GoldenError
from hil.targets.hpcs.rig.rig import Rig
from hil.targets.hpcs.tools.drill.points import DrillPoint


@dataclass(frozen=True)
class DocumentedRecovery:
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
    way: DocumentedRecovery


class Strike:
    """Sets up an instance as ``golden.prepare`` does and breaks off a rotation in it: see ``struck`` then."""

    def __init__(self, point: DrillPoint) -> None:
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


def way(crash: Crash) -> DocumentedRecovery:
    """Return what the documented procedure says to do from a crash on."""
    procedure = load.builtin("documented")
    facts = Evidence(crash.flow, crash.command, crash.ended, *crash.messages)
    decision = decide(procedure, facts)
    looked = isinstance(decision, LookFirst)
    if looked:
        decision = decide(procedure, replace(facts, promotion=promotion(crash.units)))
    if not isinstance(decision, Act):
        raise GoldenError(f"the page has no answer to this drill: {decision}")
    return _way(decision.rule, crash, looked=looked)


def _way(rule: Rule, crash: Crash, *, looked: bool) -> DocumentedRecovery:
    typed = orders(rule, crash.command, sut.FLOWS[crash.flow], crash.units)
    return DocumentedRecovery(rule.name, rule.source, (*((LOOK,) if looked else ()), *map(str, typed)))
