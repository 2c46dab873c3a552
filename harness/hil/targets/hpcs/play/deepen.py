"""Depth 2: a second death, during the recovery from the first.

Every crash point of depth 1 is played up to its crash. Of those that reach the same crash state one stands
for all; its recovery is recorded, and each crash point of that recovery is a scenario. Of the others, two in
a hundred are given a second death all the same, at the same point of the same recovery, to test the merging.

The state-based rule gets a subset: from one moment of each crash state, kills at the admin commands and REST
requests of its recovery, and of the kms at each row. It does not go by what was printed, and system calls are
left to the page's recovery, which runs the same programs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hil.engine.orders import Order, Reached, Recorded, Task
from hil.engine.target import Workers
from hil.model.faults import Fault
from hil.model.scenario import Scenario
from hil.targets.hpcs.boundaries.syscalls import is_system_call
from hil.targets.hpcs.model.points import LINE, PER_ROW
from hil.targets.hpcs.model.processes import KMS
from hil.targets.hpcs.play.record import GoldenFailed

SAMPLE_EVERY = 50
PKCS11 = "C_"  # how the names of calls to a token begin


@dataclass(frozen=True)
class Merged:
    """``crashes`` fall into ``states``; ``sampled`` of those that were merged are run anyway.

    ``state_based``: scenarios of the state-based rule among those of depth 2.
    """

    crashes: int
    states: int
    sampled: int
    state_based: int = 0


def deepen(workers: Workers, first: Sequence[Scenario]) -> tuple[tuple[Scenario, ...], Merged]:
    """Return the scenarios of depth 2 that follow from kills of depth 1, and how many were merged."""
    groups = _groups(workers, first)
    chosen = {group[0]: group for group in groups}
    recorded = _recorded(workers, [first[index] for index in chosen])
    scenarios: list[Scenario] = []
    merged: list[tuple[int, Sequence[Fault]]] = []
    for (index, group), points in zip(chosen.items(), recorded, strict=True):
        scenarios += [_second(first[index], point) for point in points]
        merged += [(other, points) for other in group[1:] if points]
    sampled = [
        _second(first[index], points[at % len(points)])
        for at, (index, points) in enumerate(sorted(merged, key=lambda pair: pair[0]))
        if at % SAMPLE_EVERY == 0
    ]
    crashes = sum(map(len, groups))
    return (*scenarios, *sampled), Merged(crashes, len(groups), len(sampled))


def state_based(workers: Workers, first: Sequence[Scenario]) -> tuple[Scenario, ...]:
    """Return what follows from kills in the recoveries of scenarios that reach a crash state each."""
    recorded = _recorded(workers, first)
    return tuple(
        _second(scenario, point)
        for scenario, points in zip(first, recorded, strict=True)
        for point in points
        if _counts(point)
    )


def _counts(point: Fault) -> bool:
    if point.event.startswith(PKCS11):
        return (point.event, point.victim) == (PER_ROW, KMS)
    return not is_system_call(point.event) and point.event != LINE


def _groups(workers: Workers, first: Sequence[Scenario]) -> list[list[int]]:
    """Return the indices of the scenarios by the crash state that they reach, both in plan order."""
    orders = [Order(number, scenario, Task.REACH) for number, scenario in enumerate(first)]
    reached = {}
    for answer in workers.work(orders):
        if not isinstance(answer, Reached):
            raise GoldenFailed(f"{first[answer.number].id} could not be played up to its crash: {answer}")
        reached[answer.number] = answer.state
    groups: dict[str, list[int]] = {}
    for index in sorted(reached):
        groups.setdefault(reached[index], []).append(index)
    return list(groups.values())


def _recorded(workers: Workers, scenarios: Sequence[Scenario]) -> list[tuple[Fault, ...]]:
    """Return the crash points of the recovery from each scenario."""
    orders = [Order(number, scenario, Task.RECORD) for number, scenario in enumerate(scenarios)]
    points = {}
    for answer in workers.work(orders):
        if not isinstance(answer, Recorded):
            raise GoldenFailed(f"the recovery from {scenarios[answer.number].id} was not recorded: {answer}")
        points[answer.number] = answer.points
    return [points[number] for number in sorted(points)]


def _second(scenario: Scenario, point: Fault) -> Scenario:
    return Scenario(scenario.flow, (*scenario.faults, point), scenario.procedure, scenario.expected)
