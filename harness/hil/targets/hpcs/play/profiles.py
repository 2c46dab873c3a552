"""Profiles: what a campaign runs. A plan is made from recordings, so that it names events that exist."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from hil.model.faults import Fault
from hil.model.procedure import ProcedureKind
from hil.model.scenario import Scenario
from hil.model.verdicts import Verdict
from hil.targets.hpcs.emulator import Shape
from hil.targets.hpcs.model import points
from hil.targets.hpcs.model.coverage import CONTROL_KINDS
from hil.targets.hpcs.model.flow import Flow
from hil.targets.hpcs.play import controls, handpicked
from hil.targets.hpcs.play.record import Recording

DOCUMENTED, STATE_BASED = controls.PAGE, controls.BY_STATE
SMOKE_A_FLOW = 12


@dataclass(frozen=True)
class Profile:
    """A named selection of scenarios, and the size of the instance that it is meant for.

    ``promises``: kinds of controls without which a campaign of it would prove nothing. ``exhaustive``: it
    also promises each control from every crash state that it reaches.
    """

    title: str
    shape: Shape
    plan: Callable[[Recording, Shape], Iterable[Scenario]]
    depth: int = 1
    exhaustive: bool = False
    promises: frozenset[ProcedureKind] = CONTROL_KINDS


def documented(recording: Recording, shape: Shape) -> Iterable[Scenario]:
    """Return crash points chosen by hand, and every control once for each outcome that it can have."""
    rows = points.rows(recording[Flow.AUTO])
    chosen = ((Flow.AUTO, handpicked.auto), (Flow.PARTS, handpicked.parts))
    scenarios = [_parse(flow, text) for flow, table in chosen for text in table(shape, rows)]
    return _neighbours([*scenarios, *controls.typical(recording, shape)])


def default(recording: Recording, shape: Shape) -> Iterable[Scenario]:
    """Return every crash point of both flows, every other fault once a name, and every control everywhere."""
    scenarios = [
        _parse(flow, fault.id)
        for flow, events in recording.items()
        for fault in (*points.kills(events), *points.others(events))
    ]
    return _neighbours([*scenarios, *controls.everywhere(recording, shape)])


def smoke(recording: Recording, shape: Shape) -> Iterable[Scenario]:
    """Return a thin sample of the crash points, evenly over the rotation, and one control of each kind."""
    scenarios = [
        _parse(flow, fault.id)
        for flow, events in recording.items()
        for fault in _thinned(points.kills(events))
    ]
    return [*scenarios, *controls.one_of_each(recording, shape)]


PROFILES: Mapping[str, Profile] = {
    "smoke": Profile("a sample, in seconds", Shape(1, 1, 0, 8), smoke),
    "documented": Profile("crash points chosen by hand", Shape(), documented),
    "default": Profile("every crash point of both flows", Shape(2, 1, 0, 8), default, exhaustive=True),
    "full": Profile(
        "and every crash point of every recovery", Shape(1, 1, 0, 8), default, 2, exhaustive=True
    ),
}


def _thinned(kills: tuple[Fault, ...]) -> tuple[Fault, ...]:
    return kills[:: max(1, len(kills) // SMOKE_A_FLOW)]


def _neighbours(scenarios: Iterable[Scenario]) -> Iterator[Scenario]:
    """Bring together what begins alike, each once: a worker then plays the beginning once."""
    groups: dict[tuple[str, Fault], list[Scenario]] = {}
    for scenario in dict.fromkeys(scenarios):
        groups.setdefault((scenario.flow, scenario.faults[0]), []).append(scenario)
    return (scenario for group in groups.values() for scenario in group)


def _parse(flow: Flow, point: str) -> Scenario:
    return Scenario.parse(f"{flow}/{point}/{DOCUMENTED}", Verdict.RECOVERED)
