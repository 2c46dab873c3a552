"""Crash points in the order of the rotation, told from the plan alone: the lines of the matrix.

Events such as ``setimm`` belong to one step by their name. Others (system calls, queries, lines of the
terminal) occur in every step; a plan lists the crash points of a recording in its order, so such a point
belongs to the step of the last point before it that has one by name. The same point under another procedure
is the same place. Not held: the place of an event within its step, beyond the order of the plan.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby

from hil.model.scenario import Scenario
from hil.report.html.lines import Heading, Line, MatrixRow
from hil.targets.hpcs.boundaries.syscalls import is_system_call
from hil.targets.hpcs.emulator import MESSAGES, STEPS
from hil.targets.hpcs.model.flow import Flow
from hil.targets.hpcs.model.processes import SERVER

SYSTEM_CALLS = "system calls"
NO_FAULT = "no fault"
FLOWS = {
    Flow.AUTO: "auto: by recovery crypto units (auto-mk-rotate)",
    Flow.PARTS: "parts: by key-part files (mk-load, mk-commit, mk-rotate)",
}
Numbered = tuple[int, Scenario]


@dataclass(frozen=True, order=True)
class MatrixPosition:
    """A row of the matrix: flow and step by their position, whether system calls, and the kind of event."""

    flow: int
    step: int
    system: bool
    label: str


def bodies(plan: Sequence[Scenario]) -> Iterator[Sequence[Line]]:
    """Yield the lines of each flow."""
    found = places(plan)
    numbered = sorted(enumerate(plan, start=1), key=lambda one: (_coarse(found[one[0]]), one[0]))
    for flow, ours in groupby(numbered, key=lambda one: one[1].flow):
        yield tuple(_lines(found, list(ours), flow))


def _coarse(place: MatrixPosition) -> tuple[int, int, bool]:
    return place.flow, place.step, place.system


def _lines(found: Mapping[int, MatrixPosition], ours: Sequence[Numbered], flow: Flow) -> Iterator[Line]:
    yield Heading(FLOWS[flow], "flow")
    reached: dict[int, list[Numbered]] = {at: [] for at in range(len(STEPS[flow]))}
    for one in ours:
        reached[found[one[0]].step].append(one)
    for at, step in enumerate(STEPS[flow]):
        if step.message:
            yield Heading(f"message {step.message}: “{MESSAGES[step.message]}”", "message")
        if reached[at]:
            yield Heading(step.title, "step")
            yield from _rows(found, reached[at])


def _rows(found: Mapping[int, MatrixPosition], ours: Sequence[Numbered]) -> Iterator[MatrixRow]:
    by_label: dict[str, list[Numbered]] = {}
    for one in ours:
        by_label.setdefault(found[one[0]].label, []).append(one)
    for label, group in by_label.items():
        yield MatrixRow(label, tuple(number for number, _ in sorted(group, key=_fine)))


def _fine(one: Numbered) -> tuple[object, ...]:
    """Order within a row: by ordinal, before and then after, by victim, kills first."""
    number, scenario = one
    if not scenario.faults:
        return (0, "", "", "", number)
    first = scenario.faults[0]
    return (first.ordinal, str(first.when) != "before", str(first.victim), first.kind != "kill", number)


def places(plan: Sequence[Scenario]) -> Mapping[int, MatrixPosition]:
    """Return the place of the first fault of every scenario, by number from 1."""
    steps = _steps(plan)
    flows = list(map(str, Flow))
    found = {}
    on_server = any(fault.victim.role in SERVER for scenario in plan for fault in scenario.faults)
    for number, scenario in enumerate(plan, start=1):
        flow = flows.index(scenario.flow)
        if not scenario.faults:
            found[number] = MatrixPosition(flow, 0, False, NO_FAULT)
            continue
        fault = scenario.faults[0]
        system = is_system_call(fault.event, on_server=on_server)
        label = f"{SYSTEM_CALLS} of {fault.victim.role}" if system else fault.event
        found[number] = MatrixPosition(flow, steps[scenario.flow, fault.id], system, label)
    return found


def _steps(plan: Sequence[Scenario]) -> Mapping[tuple[str, str], int]:
    steps: dict[tuple[str, str], int] = {}
    last = dict.fromkeys(map(str, Flow), 0)
    for scenario in plan:
        if not scenario.faults:
            continue
        fault = scenario.faults[0]
        key = (scenario.flow, fault.id)
        named = _by_name(scenario.flow, fault.event)
        step = named if named is not None else steps.get(key, last[scenario.flow])
        steps.setdefault(key, step)
        last[scenario.flow] = step
    return steps


def _by_name(flow: str, event: str) -> int | None:
    for at, step in enumerate(STEPS[flow]):
        if any(fnmatchcase(event, pattern) for pattern in step.events):
            return at
    return None
