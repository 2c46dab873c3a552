"""Crash states: when two of them are the same, a recovery from one is a recovery from the other.

Two states are the same where an operator would see the same and the instance would do the same: registers of
all units, rows by master key, whether workloads are shut out, which units are selected, what the transcript
shows and how the last command ended. Values are compared by the part that they play (the master key before
the rotation is C, each other one N1, N2 in order of appearance), because they are random in every run. Left
out: transaction counters, and which rows are under which key beyond their number (the order is fixed).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hil.targets.hpcs.model.crashstate import RowCounts
from hil.targets.hpcs.model.evidence import ErrorClass
from hil.targets.hpcs.model.registers import EMPTY, Register, UnitRegisters


@dataclass(frozen=True)
class Crash:
    """What the bench can tell of an instance at rest after a strike; ``ended`` is how the command ended."""

    flow: str
    command: str
    ended: ErrorClass
    failed: bool
    messages: tuple[bool, bool]
    units: tuple[UnitRegisters, ...]
    rows: RowCounts
    shut: bool
    selected: tuple[int, ...]


def state(crash: Crash, before: Sequence[UnitRegisters]) -> str:
    """Return the name of a crash state: equal for states that are the same, readable for people."""
    parts = {unit.current.identity: "C" for unit in before}

    def part(register: Register) -> str:
        if register.state == EMPTY:
            return "-"
        name = parts.setdefault(register.identity, f"N{len(parts)}")
        return name if register.state != "Full Uncommitted" else f"{name}?"

    units = " ".join(f"{unit.number}:{part(unit.current)}/{part(unit.new)}" for unit in crash.units)
    rows = f"{crash.rows.current}+{crash.rows.new}+{crash.rows.unreadable}"
    shown = "".join(str(number) for number, seen in enumerate(crash.messages, start=1) if seen) or "none"
    how = crash.ended if crash.failed else "ok"
    return (
        f"{crash.flow} {crash.command} {how} messages {shown} | {units} | rows {rows} | "
        f"{'shut' if crash.shut else 'open'} | selected {','.join(map(str, crash.selected)) or 'none'}"
    )
