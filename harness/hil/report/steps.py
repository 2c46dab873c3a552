"""One scenario step by step, in plain lines: events, strikes, what stood on the terminal, what was left."""

from collections import Counter
from collections.abc import Iterator, Sequence

from hil.engine.again.replay import Comparison
from hil.model.events import Event
from hil.model.faults import EventClass
from hil.model.scenario import Result
from hil.report.runs import MANY, runs, strike
from hil.targets.hpcs.model.registers import Register
from hil.targets.hpcs.play.attempt import Account
from hil.targets.hpcs.play.console import AT_REST


def steps(account: Account, *, every: bool) -> Iterator[str]:
    """Yield the whole story of an attempt up to its verdict; ``every``: no event is summed up."""
    told = 0
    looked = False
    for mark in account.marks:
        yield from _events(account.events[told : mark.at], account.result, every=every)
        told = mark.at
        yield f"{'':8}{mark.text}"
        if mark.text == AT_REST and not looked:
            looked = True
            yield from _crash_state(account)
    yield from _events(account.events[told:], account.result, every=every)
    yield from _end(account.result)


def _events(events: Sequence[Event], result: Result, *, every: bool) -> Iterator[str]:
    for run in runs(events, result, every=every):
        yield _line(run, every=every)
        fault = strike(run[-1], result)
        if fault:
            yield f"{'*' * 7} {fault.kind} {fault.victim}: {fault.id}"


def _line(run: Sequence[Event], *, every: bool) -> str:
    first = run[0]
    clock = f"{first.seconds:7.3f} "
    if first.boundary is EventClass.TRANSCRIPT and first.text and first.name == "line":
        return f"{clock}| {first.text}"
    ends = str(first.client) if first.client == first.server else f"{first.client} -> {first.server}"
    if every or first.boundary not in MANY:
        text = "" if first.boundary is EventClass.TRANSCRIPT else f" {first.text}"
        return f"{clock}{ends}  {first.name}.{first.ordinal} {first.when}{text}".rstrip()
    calls = Counter(name for name, _ in dict.fromkeys((event.name, event.ordinal) for event in run))
    return f"{clock}{ends}  " + ", ".join(f"{name} x{number}" for name, number in calls.items())


def _crash_state(account: Account) -> Iterator[str]:
    state = account.result.state_at_crash
    if state is None:
        return
    yield "registers at the crash"
    for unit in account.at_crash:
        current, new = _register(unit.current), _register(unit.new)
        yield f"  unit {unit.number} {unit.type:<11}  CURRENT {current:<14}  NEW {new}"
    yield "  rows under CURRENT {current}, under NEW {new}, under neither {unreadable}".format(
        **state["rows"]
    )
    shown = [f"message {name}" for name, seen in account.result.messages_at_crash.items() if seen]
    yield f"  shown to the operator: {' and '.join(shown) or 'neither message'}"


def _register(register: Register) -> str:
    return f"{register.state} {register.pattern[:8]}" if register.identity else register.state


def _end(result: Result) -> Iterator[str]:
    yield f"rules applied: {'; '.join(result.rules) or 'none'}"
    yield f"commands: {' -> '.join(result.recovery) or 'none'}"
    yield f"keys readable: {result.keys.left}"
    yield from (f"finding: {finding.check}: {finding.text}" for finding in result.findings)
    missed = [
        fault.id for fault, fired in zip(result.scenario.faults, result.fired, strict=True) if not fired
    ]
    yield from (f"not fired: {fault}" for fault in missed)


def comparison(compared: Comparison, where: str) -> Iterator[str]:
    """Yield the last lines: the verdict, and how it compares with what is stored in ``where``."""
    result, stored = compared.result, compared.stored
    yield f"verdict: {result.verdict}, expected {result.scenario.expected}"
    if stored is None:
        yield f"stored verdict: none in {where}" if where else "stored verdict: none, no run was given"
        return
    yield (
        f"stored verdict: the same in {where}"
        if compared.same_verdict
        else f"stored verdict: different, {stored.verdict} in {where}"
    )
    if compared.same_trace is None:
        yield f"stored trace: none in {where}"
    elif compared.same_trace:
        yield f"stored trace: the same, {result.trace}"
    else:
        yield f"stored trace: different, {stored.trace} in {where} and {result.trace} now"
