"""Run directories as campaigns leave them, without the playing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hil.engine import asked
from hil.engine.rundir import RunDir
from hil.model.probe import Probe
from hil.model.scenario import Result, Scenario
from hil.model.verdicts import Verdict
from hil.targets.hpcs.model.crashstate import CrashState, RowCounts
from hil.targets.hpcs.model.observation import Observation, RowProblem, conclude, judge
from hil.targets.hpcs.model.registers import EMPTY, VALID, Register, UnitRegisters
from hil.targets.hpcs.play.attempt import Account

KEYS = 8
HEAD: dict[str, Any] = {
    "gate": "pass",
    "profile": "default",
    "backend": "process",
    "keystore": "sqlite",
    "units": {"operational": 1, "recovery": 1, "failover": 0},
    "keys": KEYS,
    "seconds": 1.5,
    "probes": [Probe("gate", "what users may do", ()).record()],
}
IDS = {
    "auto/tke@commit.1-after/documented": "RECOVERED",
    "auto/unit1@setimm.1-before/documented": "RECOVERED",
    "auto/kms@C_WrapKey.6-after/rerun-after-message-1": "DATA_LOST",
}
PLAN = tuple(Scenario.parse(text, Verdict(verdict)) for text, verdict in IDS.items())

Made = Callable[..., Path]


def registers(digit: str) -> tuple[UnitRegisters, ...]:
    """Both units at rest under one master key."""
    current, new = Register(VALID, digit * 64), Register(EMPTY, "0" * 64)
    return UnitRegisters(1, "OPERATIONAL", current, new), UnitRegisters(2, "RECOVERY", current, new)


def account(scenario: Scenario, *, unreadable: int = 0) -> Account:
    """What a scenario leaves in which so many keys were lost."""
    lost = tuple(RowProblem(f"key {number}", 1, f"key {number} is lost") for number in range(unreadable))
    seen = Observation(KEYS, (), (), lost, 0, registers("a"), registers("b"), (), None if lost else ())
    judgement = judge(seen)
    fired = tuple(True for _ in scenario.faults)
    verdict, findings = conclude(judgement, scenario.expected, stuck="", fired=fired)
    result = Result(
        scenario=scenario,
        kind="documented",
        verdict=verdict,
        fired=fired,
        messages={"1": True, "2": True},
        messages_at_crash={"1": False, "2": False},
        recovery=("auto-mk-rotate",),
        rules=("auto: neither message",),
        stuck="",
        state="",
        state_at_crash=CrashState(registers("a"), RowCounts(KEYS, 0, 0)).record(),
        keys=judgement.keys,
        findings=findings,
        seconds=0.5,
        trace="0123456789abcdef",
    )
    return Account(result, observation=seen)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Make a run directory of PLAN: the results of these numbers, the control having lost two keys."""

    def make(name: str, numbers: tuple[int, ...] = (1, 2, 3), head: dict[str, Any] | None = None) -> Path:
        rundir = RunDir.create(tmp_path / name)
        rundir.keep_equipment("process", None, None)
        rundir.write_plan(PLAN)
        for number in numbers:
            one = account(PLAN[number - 1], unreadable=2 if number == 3 else 0)
            rundir.write_account(number, one)
            rundir.add_result(number, one.result)
        if head is not None:
            records = rundir.results()
            counted = {"planned": len(numbers), "total": len(PLAN), "audit": {"every": 20, "differing": []}}
            asked.keep(rundir.path, map(Probe.from_record, (HEAD | head)["probes"]))
            rundir.write_campaign(HEAD | counted | head, [records[number] for number in sorted(records)])
        return rundir.path

    return make


def files(folder: Path) -> dict[str, bytes]:
    """Everything below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
