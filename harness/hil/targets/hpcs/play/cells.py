"""Cells: a crash state, and one step of an operator in it.

A control is one wrong step. Whether the instance refused it is not believed from its words: registers and
rows are compared, and then the page's own rule is followed, which has to bring every key back. The page's
rule is followed as well where the step was done and destroyed nothing, to see whether it leads out again.
It is not followed where nothing is left to do or to save, nor where the procedure had no answer itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from hil.model.outcome import outcome
from hil.model.procedure import CONTROLS
from hil.model.scenario import Finding
from hil.model.verdicts import Verdict
from hil.targets.hpcs.boundaries.terminal import EndedCommand
from hil.targets.hpcs.model.crash import Crash
from hil.targets.hpcs.model.evidence import ErrorClass, messages
from hil.targets.hpcs.model.registers import EMPTY, UnitRegisters
from hil.targets.hpcs.model.rules import Procedure
from hil.targets.hpcs.model.standing import Standing, standing
from hil.targets.hpcs.operator import load
from hil.targets.hpcs.operator.operator import Console, Operator, Recovery
from hil.targets.hpcs.oracle.rows import KeyStoreRow, count_rows, mk_id, read_rows
from hil.targets.hpcs.rig.golden import Golden
from hil.targets.hpcs.rig.rig import Rig

PAGE = "documented"


@dataclass(frozen=True)
class Still:
    """An instance at rest: what a command that is refused leaves as it was."""

    units: tuple[UnitRegisters, ...]
    rows: tuple[KeyStoreRow, ...]

    @classmethod
    def of(cls, rig: Rig) -> "Still":
        """Look at registers and rows."""
        return cls(tuple(rig.rest().registers(rig.shape)), read_rows(rig.layout.key_store))

    @property
    def lost(self) -> bool:
        """Whether a row is under a master key that no register holds."""
        return count_rows(self.rows, self.units).unreadable > 0

    def rotated(self, golden: Golden) -> bool:
        """Whether registers and rows are those of a rotation that is over."""
        currents = {mk_id(unit.current) for unit in self.units}
        return (
            len(currents) == 1
            and not currents & {None, *(mk_id(unit.current) for unit in golden.registers)}
            and all(unit.new.state == EMPTY for unit in self.units)
            and {row.mk_id for row in self.rows} <= currents
        )


def true_standing(rig: Rig, golden: Golden, crash: Crash) -> Standing:
    """Tell how far the rotation had come at a crash."""
    old = {mk_id(unit.current) for unit in golden.registers}
    rows = read_rows(rig.layout.key_store)
    moved = sum(row.mk_id not in old for row in rows)
    seen = (messages(rig.terminal.printed), crash.messages)
    there = standing(crash.flow, crash.command, crash.units, golden.registers, (moved, len(rows)), seen)
    return replace(there, ended=crash.ended if crash.failed else ErrorClass.NONE)


def follow(
    rig: Rig,
    console: Console,
    mend: Callable[[], None],
    golden: Golden,
    todo: tuple[str, Procedure, EndedCommand],
) -> Recovery:
    """Do what a procedure says; ``todo``: the flow, the procedure, and how the rotation ended.

    Of a control, ``refused`` in what is returned means refused without effect.
    """
    flow, procedure, ended = todo
    if procedure.kind not in CONTROLS:
        return Operator(console, flow, procedure).recover(ended)
    before = Still.of(rig)

    def acting() -> None:
        nonlocal before
        before = Still.of(rig)

    act = Operator(console, flow, procedure, acting).recover(ended)
    mend()
    after = Still.of(rig)
    act = replace(act, refused=act.refused and after == before)
    if act.stuck or after.lost or after.rotated(golden):
        return act
    then = Operator(console, flow, load.builtin(PAGE)).recover(ended)
    return replace(
        then, commands=act.commands + then.commands, rules=act.rules + then.rules, refused=act.refused
    )


def surprise(
    procedure: Procedure, standing: Standing | None, verdict: Verdict, recovery: Recovery
) -> tuple[Finding, ...]:
    """Return a finding where the outcome is another one than predicted."""
    predicted = procedure.expectation(standing) if standing else None
    seen = outcome(verdict, refused=recovery.refused)
    if seen is None or predicted in (None, seen):
        return ()
    return (Finding("outcome", f"{seen} where {procedure.name} predicts {predicted}"),)
