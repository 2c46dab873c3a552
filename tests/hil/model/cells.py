"""Results of cells as campaigns record them, without a campaign."""

from typing import Any

from hil.model.outcome import Outcome
from hil.model.scenario import Finding, KeyCount, Result, Scenario
from hil.model.verdicts import Verdict
from hil.targets.hpcs.model.crash import Crash, state
from hil.targets.hpcs.model.crashstate import CrashState, RowCounts
from hil.targets.hpcs.model.evidence import ErrorClass, named
from hil.targets.hpcs.model.registers import (
    EMPTY,
    FULL_COMMITTED,
    FULL_UNCOMMITTED,
    VALID,
    Register,
    UnitRegisters,
)

TYPES = ("OPERATIONAL", "OPERATIONAL", "RECOVERY")
KEYS = 8
PATTERNS = {"C": "a" * 64, "N1": "b" * 64, "N2": "c" * 64}
COMMITTED, HALF, DONE = "C/N1 C/N1 C/N1", "N1/- C/N1 C/N1", "N1/- N1/- N1/-"


def cell(
    name: str,
    *recovery: str,
    units: str = "C/- C/- C/-",
    rows: tuple[int, int, int] = (12, 0, 0),
    shown: str = "",
    ended: str = "none",
    shut: bool = False,
    kind: str = "documented",
    rule: str = "a rule",
    stuck: str = "",
    verdict: Verdict = Verdict.RECOVERED,
    outcome: Outcome | None = None,
    lost: int = 0,
) -> dict[str, Any]:
    """Return a record of campaign.json; ``units`` are CURRENT/NEW of three units, ``?`` for uncommitted."""
    scenario = Scenario.parse(name, verdict)
    registers = tuple(_unit(number, text) for number, text in enumerate(units.split(), start=1))
    before = tuple(_unit(number, "C/-") for number in range(1, len(registers) + 1))
    messages = "1" in shown, "2" in shown
    command = "auto-mk-rotate" if scenario.flow == "auto" else "cryptounit-mk-rotate"
    how = ErrorClass(ended) if ended != "ok" else ErrorClass.NONE
    counts = RowCounts(*rows)
    crash = Crash(scenario.flow, command, how, ended != "ok", messages, registers, counts, shut, (1, 2, 3))
    return Result(
        scenario=scenario,
        kind=kind,
        verdict=verdict,
        fired=tuple(verdict is not Verdict.NOT_FIRED for _ in scenario.faults),
        messages=named(messages),
        messages_at_crash=named(messages),
        recovery=recovery,
        rules=(rule,) if rule else (),
        stuck=stuck,
        state=state(crash, before),
        state_at_crash=CrashState(registers, counts).record(),
        keys=KeyCount(KEYS, KEYS - lost, lost),
        findings=(Finding("readable", "a row\nis unreadable"),) if lost else (),
        seconds=0.5,
        trace="0123456789abcdef",
        outcome=outcome,
    ).record()


def _unit(number: int, text: str) -> UnitRegisters:
    current, _, new = text.partition("/")
    full = FULL_UNCOMMITTED if new.endswith("?") else FULL_COMMITTED
    return UnitRegisters(
        number, TYPES[number - 1], _register(current, VALID), _register(new.rstrip("?"), full)
    )


def _register(key: str, full: str) -> Register:
    return Register(EMPTY, "0" * 64) if key == "-" else Register(full, PATTERNS[key])
