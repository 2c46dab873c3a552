"""Crash points in the order of the rotation, told from the plan alone.

Events such as ``setimm`` belong to one step by their name. Others (system calls, queries, lines of the
terminal) occur in every step; a plan lists the crash points of a recording in its order, so such a point
belongs to the step of the last point before it that has one by name. The same point under another procedure
is the same place. Not held: the place of an event within its step, beyond the order of the plan.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.faults.syscalls import is_system_call
from harness.model.faults import SERVER
from harness.model.scenario import Flow, Scenario
from harness.sut import STEPS

SYSTEM_CALLS = "system calls"
NO_FAULT = "no fault"


@dataclass(frozen=True, order=True)
class Place:
    """A row of the matrix: flow and step by their position, whether system calls, and the kind of event."""

    flow: int
    step: int
    system: bool
    label: str


def places(plan: Sequence[Scenario]) -> Mapping[int, Place]:
    """Return the place of the first fault of every scenario, by number from 1."""
    steps = _steps(plan)
    flows = list(Flow)
    found = {}
    on_server = any(fault.victim.role in SERVER for scenario in plan for fault in scenario.faults)
    for number, scenario in enumerate(plan, start=1):
        flow = flows.index(scenario.flow)
        if not scenario.faults:
            found[number] = Place(flow, 0, False, NO_FAULT)
            continue
        fault = scenario.faults[0]
        system = is_system_call(fault.event, on_server=on_server)
        label = f"{SYSTEM_CALLS} of {fault.victim.role}" if system else fault.event
        found[number] = Place(flow, steps[scenario.flow, fault.id], system, label)
    return found


def _steps(plan: Sequence[Scenario]) -> Mapping[tuple[str, str], int]:
    steps: dict[tuple[str, str], int] = {}
    last = dict.fromkeys(Flow, 0)
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
