"""One attempt: restore a rig, rotate, strike, recover as the procedure says, judge."""

import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hil.model.events import Event, trace
from hil.model.faults import FaultKind
from hil.model.machine import in_error
from hil.model.outcome import outcome
from hil.model.scenario import NOT_BACK, Finding, KeyCount, Result, Scenario, not_judged
from hil.model.verdicts import Verdict
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.boundaries.syscalls import is_system_call
from hil.targets.hpcs.boundaries.terminal import EndedCommand
from hil.targets.hpcs.model.crash import Crash, state
from hil.targets.hpcs.model.crashstate import CrashState
from hil.targets.hpcs.model.evidence import MESSAGES, error_class, messages, named
from hil.targets.hpcs.model.observation import Observation, conclude, judge
from hil.targets.hpcs.model.registers import UnitRegisters
from hil.targets.hpcs.model.rules import Procedure
from hil.targets.hpcs.model.standing import Standing
from hil.targets.hpcs.operator import load
from hil.targets.hpcs.operator.operator import Operator, Recovery
from hil.targets.hpcs.oracle.judge import Oracle
from hil.targets.hpcs.oracle.rows import count_rows, read_rows
from hil.targets.hpcs.play import cells
from hil.targets.hpcs.play.console import Mark, MarkedConsole
from hil.targets.hpcs.play.trunk import Trunk, without_reconnects
from hil.targets.hpcs.rig.golden import Golden
from hil.targets.hpcs.rig.rest import Rest
from hil.targets.hpcs.rig.rig import NotBack, Rig

LOOK = "the oracle looks"


@dataclass
class Account:
    """What an attempt leaves behind, filled as it goes, so that a failure of the bench loses nothing.

    ``refused``: what the machine has refused the bench, in words; see harness/hil/model/machine.py.
    """

    result: Result
    before: Sequence[UnitRegisters] = ()
    at_crash: Sequence[UnitRegisters] = ()
    after: Sequence[UnitRegisters] = ()
    events: Sequence[Event] = ()
    transcript: Sequence[str] = ()
    printed: Sequence[str] = ()
    marks: Sequence[Mark] = ()
    observation: Observation | None = None
    traceback: str = ""
    refused: str = ""


@dataclass
class _Seen:
    keys: KeyCount
    crash: Crash | None = None
    state: str = ""
    trunk: str = ""
    standing: Standing | None = None
    recovery: Recovery = field(default_factory=lambda: Recovery((), (), ""))
    verdict: Verdict = Verdict.HARNESS_ERROR
    findings: tuple[Finding, ...] = ()


def attempt(
    rig: Rig,
    golden: Golden,
    scenario: Scenario,
    procedure: Procedure,
    *,
    watched: bool = False,
    trunk: Trunk | None = None,
) -> Account:
    """Run one scenario. Never raises: a failure of the bench is the verdict HARNESS_ERROR.

    A process that does not come back from its kill is no failure of the bench: STUCK, whatever was expected.

    System calls are events where ``watched`` is set, or where a fault waits for one. Where ``trunk`` holds
    the beginning of the scenario, it is put back and not played.
    """
    start = time.monotonic()
    account = Account(
        not_judged(scenario, procedure.kind, "not played", messages=MESSAGES), before=golden.registers
    )
    seen = _Seen(KeyCount(len(golden.ledger.key_ids), 0))
    rig.conductor.begin(scenario.faults)  # from now on what the rig says is of this scenario
    try:
        rig.watch(on=watched or needs_watch(scenario, rig))
        rig.hurry(on=hangs(scenario))
        account.observation = _play(rig, golden, scenario, procedure, account, seen, trunk)
        judgement = judge(account.observation)
        seen.keys = judgement.keys
        seen.verdict, findings = conclude(
            judgement, scenario.expected, stuck=seen.recovery.stuck, fired=rig.conductor.fired
        )
        seen.findings = (*cells.surprise(procedure, seen.standing, seen.verdict, seen.recovery), *findings)
    except NotBack as error:
        seen.verdict, seen.findings = Verdict.STUCK, (Finding(NOT_BACK, str(error)),)
    except Exception as error:
        account.traceback, account.refused = traceback.format_exc(), in_error(error)
        seen.verdict = Verdict.HARNESS_ERROR
        seen.findings = (Finding("bench", f"{type(error).__name__}: {error}"),)
    account.events = tuple(rig.conductor.events)
    account.transcript = tuple(rig.terminal.transcript)
    account.printed = tuple(rig.terminal.printed)
    result = _result(scenario, procedure, account, seen, rig.conductor.fired)
    account.result = replace(result, seconds=time.monotonic() - start)
    return account


def _result(
    scenario: Scenario, procedure: Procedure, account: Account, seen: _Seen, fired: tuple[bool, ...]
) -> Result:
    return Result(
        scenario=scenario,
        kind=procedure.kind,
        verdict=seen.verdict,
        fired=fired if len(fired) == len(scenario.faults) else (False,) * len(scenario.faults),
        messages=named(messages(account.transcript)),
        messages_at_crash=named(seen.crash.messages if seen.crash else (False, False)),
        recovery=seen.recovery.commands,
        rules=seen.recovery.rules,
        state=seen.state,
        state_at_crash=CrashState(seen.crash.units, seen.crash.rows).record() if seen.crash else None,
        stuck=seen.recovery.stuck,
        keys=seen.keys,
        findings=seen.findings,
        seconds=0.0,
        trace=trace(without_reconnects(account.events)),
        outcome=outcome(seen.verdict, refused=seen.recovery.refused),
        expected_outcome=procedure.expectation(seen.standing) if seen.standing else None,
        own={"standing": seen.standing and seen.standing.record()},
        trunk=seen.trunk,
    )


def _play(
    rig: Rig,
    golden: Golden,
    scenario: Scenario,
    procedure: Procedure,
    account: Account,
    seen: _Seen,
    trunk: Trunk | None,
) -> Observation:
    if trunk and (fork := trunk.put_back(rig, scenario)):
        console, ended, crash, seen.trunk = MarkedConsole(rig, fork.marks), fork.ended, fork.crash, fork.owner
        account.marks = console.marks
    else:
        console = MarkedConsole(rig)
        account.marks = console.marks
        ended = _strike(console, rig, golden, scenario, procedure)
        crash = look(rig, scenario, ended)
        if trunk and trunk.wanted:
            trunk.keep(rig, scenario, ended, crash, console.marks)
    account.at_crash = crash.units
    seen.crash = crash
    seen.state = state(crash, golden.registers)
    seen.standing = cells.true_standing(rig, golden, crash)
    if ended.exit_code != 0:
        seen.recovery = cells.follow(rig, console, console.mend, golden, (scenario.flow, procedure, ended))
    if rig.conductor.error:
        raise rig.conductor.error
    console.mend()
    rig.conductor.adjourn()
    console.mark(LOOK)
    rest = Rest.login(rig.layout)  # as the users of an instance do: that has to work as well
    oracle = Oracle(rig.layout, rig.shape, golden.ledger, golden.registers, rest)
    account.after = oracle.registers
    return oracle.observe(rig.terminal.printed)


def _strike(
    console: MarkedConsole, rig: Rig, golden: Golden, scenario: Scenario, procedure: Procedure
) -> EndedCommand:
    """Restore, rotate until the fault has struck or the flow is done, and let everything come to rest."""
    rig.restore(golden.snapshot)
    rig.terminal.clear()
    rig.conductor.begin(scenario.faults)
    ended = Operator(console, scenario.flow, procedure).rotate()
    console.mend()
    return ended


def look(rig: Rig, scenario: Scenario, ended: EndedCommand) -> Crash:
    """Look at an instance at rest. What the kms does when it is asked is no part of a recovery."""
    with rig.conductor.aside():
        rest = rig.rest()
        units = tuple(rest.registers(rig.shape))
        shut = bool(rest.call("GET", "/api/v2/rotation")["in_progress"])
    return Crash(
        flow=scenario.flow,
        command=ended.command,
        ended=error_class(ended.lines, ended.exit_code),
        failed=ended.exit_code != 0,
        messages=messages(rig.terminal.transcript),
        units=units,
        rows=count_rows(read_rows(rig.layout.key_store), units),
        shut=shut,
        selected=sut.selected(rig.layout.workstation),
    )


class NotReached(Exception):
    """A fault did not strike, so that there is no crash state."""


def reach(rig: Rig, golden: Golden, scenario: Scenario) -> str:
    """Play a scenario up to its crash and return the name of that state; raises NotReached."""
    rig.watch(on=needs_watch(scenario, rig))
    rig.hurry(on=hangs(scenario))
    ended = _strike(MarkedConsole(rig), rig, golden, scenario, load.builtin(scenario.procedure))
    if rig.conductor.error:
        raise NotReached(f"a fault could not strike: {rig.conductor.error}")
    if not all(rig.conductor.fired):
        raise NotReached("a fault did not strike")
    return state(look(rig, scenario, ended), golden.registers)


def needs_watch(scenario: Scenario, rig: Rig) -> bool:
    """Whether a fault of the scenario waits for a system call."""
    return any(is_system_call(fault.event, on_server=rig.on_server) for fault in scenario.faults)


def hangs(scenario: Scenario) -> bool:
    """Whether a fault of the scenario stops a process, so that clients are to give up soon."""
    return any(fault.kind is FaultKind.HANG for fault in scenario.faults)
