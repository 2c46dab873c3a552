"""One attempt: restore a rig, rotate, strike, recover as the procedure says, judge."""

import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness import sut
from harness.campaign import cells
from harness.faults.syscalls import is_system_call
from harness.faults.terminal import Answers, Ended
from harness.model.crash import Crash, state
from harness.model.events import Event, trace
from harness.model.evidence import error_class, messages
from harness.model.observation import Observation, conclude, judge
from harness.model.outcome import outcome
from harness.model.registers import UnitRegisters
from harness.model.rules import Procedure
from harness.model.scenario import CrashState, Finding, KeyCount, Result, Scenario, not_judged
from harness.model.standing import Standing
from harness.model.verdicts import Verdict
from harness.oracle.judge import Oracle
from harness.oracle.rows import count_rows, read_rows
from harness.procedures import load
from harness.procedures.operator import Operator, Recovery
from harness.rig.golden import Golden
from harness.rig.rig import Rig

AT_REST = "at rest: what died is started again, nothing moves"
LOOK = "the oracle looks"


@dataclass(frozen=True)
class Mark:
    """Something that happened between two events: ``at`` is how many events there were before."""

    at: int
    text: str


@dataclass
class Account:
    """What an attempt leaves behind, filled as it goes, so that a failure of the bench loses nothing."""

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


@dataclass
class _Seen:
    crash: Crash | None = None
    state: str = ""
    standing: Standing | None = None
    recovery: Recovery = field(default_factory=lambda: Recovery((), (), ""))


class _Console:
    """The operator's console: the rig's terminal, and a supervisor who starts again what died."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._stage = 1
        self.marks: list[Mark] = []

    def tke(self, command: str, answers: Answers = ()) -> Ended:
        self.mark(f"$ {command}")
        return self._rig.tke(command, answers)

    def lines(self) -> list[str]:
        return self._rig.terminal.transcript

    def between(self) -> bool:
        struck = self._rig.conductor.struck(self._stage)
        if struck:
            self.mend()
            self._stage += 1
        return struck

    def mend(self) -> None:
        """Mend the rig and note it."""
        mend(self._rig)
        self.mark(AT_REST)

    def mark(self, text: str) -> None:
        """Note what happens now."""
        self.marks.append(Mark(len(self._rig.conductor.events), text))


def mend(rig: Rig) -> None:
    """After a strike: start again what died, wait until nothing moves, and begin the next stage."""
    rig.repair()
    rig.settle()
    rig.conductor.next_stage()


def attempt(
    rig: Rig, golden: Golden, scenario: Scenario, procedure: Procedure, *, watched: bool = False
) -> Account:
    """Run one scenario. Never raises: a failure of the bench is the verdict HARNESS_ERROR.

    System calls are events where ``watched`` is set, or where a fault waits for one.
    """
    start = time.monotonic()
    account = Account(not_judged(scenario, procedure.kind, "not played"), before=golden.registers)
    seen = _Seen()
    findings: tuple[Finding, ...] = ()
    keys = KeyCount(len(golden.ledger.key_ids), 0)
    try:
        rig.watch(on=watched or needs_watch(scenario))
        account.observation = _play(rig, golden, scenario, procedure, account, seen)
        judgement = judge(account.observation)
        keys = judgement.keys
        verdict, findings = conclude(
            judgement, scenario.expected, stuck=seen.recovery.stuck, fired=rig.conductor.fired
        )
        findings = (*cells.surprise(procedure, seen.standing, verdict, seen.recovery), *findings)
    except Exception as error:
        account.traceback = traceback.format_exc()
        verdict = Verdict.HARNESS_ERROR
        findings = (Finding("bench", f"{type(error).__name__}: {error}"),)
    account.events = tuple(rig.conductor.events)
    account.transcript = tuple(rig.terminal.transcript)
    account.printed = tuple(rig.terminal.printed)
    account.result = Result(
        scenario=scenario,
        kind=procedure.kind,
        verdict=verdict,
        fired=rig.conductor.fired,
        messages=messages(account.transcript),
        messages_at_crash=seen.crash.messages if seen.crash else (False, False),
        recovery=seen.recovery.commands,
        rules=seen.recovery.rules,
        state=seen.state,
        state_at_crash=CrashState(seen.crash.units, seen.crash.rows) if seen.crash else None,
        stuck=seen.recovery.stuck,
        keys=keys,
        findings=findings,
        seconds=time.monotonic() - start,
        trace=trace(account.events),
        outcome=outcome(verdict, refused=seen.recovery.refused),
        expected_outcome=procedure.expectation(seen.standing) if seen.standing else None,
        standing=seen.standing,
    )
    return account


def _play(
    rig: Rig, golden: Golden, scenario: Scenario, procedure: Procedure, account: Account, seen: _Seen
) -> Observation:
    console = _Console(rig)
    account.marks = console.marks
    ended = _strike(console, rig, golden, scenario, procedure)
    crash = look(rig, scenario, ended)
    account.at_crash = crash.units
    seen.crash = crash
    seen.state = state(crash, golden.registers)
    seen.standing = cells.true_standing(rig, golden, crash)
    if ended.exit_code != 0:
        seen.recovery = cells.follow(rig, console, console.mend, golden, (scenario.flow, procedure, ended))
    if rig.conductor.error:
        raise rig.conductor.error
    console.mend()  # also ends the stage: what the oracle does is no part of the recovery
    console.mark(LOOK)
    rest = rig.rest()
    account.after = rest.registers(rig.shape)
    oracle = Oracle(rig.layout, rig.shape, golden.ledger, golden.registers, rest)
    return oracle.observe(rig.terminal.printed)


def _strike(console: _Console, rig: Rig, golden: Golden, scenario: Scenario, procedure: Procedure) -> Ended:
    """Restore, rotate until the fault has struck or the flow is done, and let everything come to rest."""
    rig.restore(golden.snapshot)
    rig.terminal.clear()
    rig.conductor.begin(scenario.faults)
    ended = Operator(console, scenario.flow, procedure).rotate()
    console.mend()
    return ended


def look(rig: Rig, scenario: Scenario, ended: Ended) -> Crash:
    """Look at an instance at rest."""
    rest = rig.rest()
    units = tuple(rest.registers(rig.shape))
    return Crash(
        flow=scenario.flow,
        command=ended.command,
        ended=error_class(ended.lines, ended.exit_code),
        failed=ended.exit_code != 0,
        messages=messages(rig.terminal.transcript),
        units=units,
        rows=count_rows(read_rows(rig.layout.key_store), units),
        shut=bool(rest.call("GET", "/api/v2/rotation")["in_progress"]),
        selected=sut.selected(rig.layout.workstation),
    )


def reach(rig: Rig, golden: Golden, scenario: Scenario) -> str | None:
    """Play a scenario up to its crash and return the name of that state; None where no fault struck."""
    rig.watch(on=needs_watch(scenario))
    ended = _strike(_Console(rig), rig, golden, scenario, load.builtin(scenario.procedure))
    if not all(rig.conductor.fired):
        return None
    return state(look(rig, scenario, ended), golden.registers)


def needs_watch(scenario: Scenario) -> bool:
    """Whether a fault of the scenario waits for a system call."""
    return any(is_system_call(fault.event) for fault in scenario.faults)
