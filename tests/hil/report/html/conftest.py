"""Campaigns as the report takes them, without the playing."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from hil.engine.rundir import RunDir
from hil.engine.stored import Stored
from hil.model.scenario import KeyCount, Result, Scenario, not_judged
from hil.model.verdicts import Verdict
from hil.targets.hpcs.model.crashstate import CrashState, RowCounts
from hil.targets.hpcs.model.observation import Observation
from hil.targets.hpcs.model.registers import EMPTY, FULL_COMMITTED, VALID, Register, UnitRegisters
from hil.targets.hpcs.play.attempt import Account

Made = Callable[[Mapping[str, str]], Stored]
OLD, NEW, NONE = Register(VALID, "a" * 64), Register(FULL_COMMITTED, "b" * 64), Register(EMPTY, "0" * 64)
BEFORE = (UnitRegisters(1, "OPERATIONAL", OLD, NONE), UnitRegisters(2, "RECOVERY", OLD, NONE))
AT_CRASH = (UnitRegisters(1, "OPERATIONAL", OLD, NEW), UnitRegisters(2, "RECOVERY", OLD, NEW))


def played(scenario: Scenario, verdict: Verdict) -> Result:
    """A result with this verdict; the crash came after message 1, with half of the rows under NEW."""
    lost = 3 if verdict is Verdict.DATA_LOST else 0
    return replace(
        not_judged(scenario, "documented", ""),
        verdict=verdict,
        fired=tuple(verdict is not Verdict.NOT_FIRED for _ in scenario.faults),
        messages_at_crash={"1": True, "2": False},
        recovery=("cryptounit-mk-rotate",),
        rules=("auto: first message only",),
        state_at_crash=CrashState(AT_CRASH, RowCounts(6, 6, 0)).record(),
        keys=KeyCount(8, 8 - lost),
        findings=(),
        seconds=0.5,
    )


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Make a run directory of these ids and verdicts; an empty verdict stands for no result."""

    def make(verdicts: Mapping[str, str]) -> Stored:
        rundir = RunDir.create(tmp_path / f"run-{len(list(tmp_path.iterdir()))}")
        plan = [Scenario.parse(name, Verdict.RECOVERED) for name in verdicts]
        rundir.write_plan(plan)
        for number, (scenario, verdict) in enumerate(zip(plan, verdicts.values(), strict=True), start=1):
            if verdict:
                result = played(scenario, Verdict(verdict))
                seen = Observation(8, (), (), (), 0, BEFORE, BEFORE, (), ())
                account = Account(result, transcript=("$ auto-mk-rotate", "FAILED"), observation=seen)
                rundir.write_account(number, account)
                rundir.add_result(number, result)
        return Stored.read(rundir.path)

    return make
