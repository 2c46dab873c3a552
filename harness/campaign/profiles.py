"""Profiles: what a campaign runs. A plan is made from recordings, so that it names events that exist."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from harness.campaign import handpicked
from harness.campaign.record import Recording
from harness.model import points
from harness.model.scenario import Flow, Scenario
from harness.procedures import load
from harness.sut import Shape

DOCUMENTED = "documented"
FORBIDDEN = "rerun-after-message-1"
SMOKE_A_FLOW = 12


@dataclass(frozen=True)
class Profile:
    """A named selection of scenarios, and the size of the instance that it is meant for."""

    title: str
    shape: Shape
    plan: Callable[[Recording, Shape], Iterator[Scenario]]
    depth: int = 1


def documented(recording: Recording, shape: Shape) -> Iterator[Scenario]:
    """Yield crash points chosen by hand, and the controls."""
    rows = _rows(recording)
    for flow, chosen in ((Flow.AUTO, handpicked.auto), (Flow.PARTS, handpicked.parts)):
        texts = dict.fromkeys(chosen(shape, rows))
        yield from (_parse(flow, text, DOCUMENTED) for text in texts)
    yield from _controls(rows)


def default(recording: Recording, _shape: Shape) -> Iterator[Scenario]:
    """Yield every crash point of both flows, every other fault once a name, and the controls."""
    for flow, events in recording.items():
        for fault in (*points.kills(events), *points.others(events)):
            yield _parse(flow, fault.id, DOCUMENTED)
    yield from _controls(_rows(recording))


def smoke(recording: Recording, _shape: Shape) -> Iterator[Scenario]:
    """Yield a thin sample of the crash points, evenly over the rotation, and one control."""
    for flow, events in recording.items():
        kills = points.kills(events)
        for fault in kills[:: max(1, len(kills) // SMOKE_A_FLOW)]:
            yield _parse(flow, fault.id, DOCUMENTED)
    yield next(_controls(_rows(recording)))


PROFILES: Mapping[str, Profile] = {
    "smoke": Profile("a sample, in seconds", Shape(1, 1, 0, 8), smoke),
    "documented": Profile("crash points chosen by hand", Shape(), documented),
    "default": Profile("every crash point of both flows", Shape(2, 1, 0, 8), default),
    "full": Profile("and every crash point of every recovery", Shape(1, 1, 0, 8), default, depth=2),
}


def _rows(recording: Recording) -> int:
    return sum(event.name == points.PER_ROW for event in recording[Flow.AUTO]) // 2


def _controls(rows: int) -> Iterator[Scenario]:
    """Yield what the page forbids where it must lose keys: rows under NEW, and message 1 shown."""
    for point in (f"kms@{points.PER_ROW}.{rows // 2 + 1}-after", "tke@rewrap.1-after"):
        yield _parse(Flow.AUTO, point, FORBIDDEN)


def _parse(flow: Flow, point: str, procedure: str) -> Scenario:
    return Scenario.parse(f"{flow}/{point}/{procedure}", load.builtin(procedure).expected)
