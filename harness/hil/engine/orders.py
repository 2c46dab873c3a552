"""What a worker is asked to do, and what it answers."""

from dataclasses import dataclass
from enum import Enum

from hil.model.faults import Fault
from hil.model.probe import Probe
from hil.model.scenario import Result, Scenario
from hil.model.verdicts import Verdict


class Task(Enum):
    """What is to be done with a scenario."""

    PLAY = "play"  # to its verdict
    AUDIT = "audit"  # twice, and compare
    REACH = "reach"  # up to its crash
    RECORD = "record"  # to its end, for the crash points of the recovery
    PROBE = "probe"  # nothing with the scenario: ask the target what it has to refuse


@dataclass(frozen=True)
class Order:
    """A scenario and what to do with it; the answer carries the same number.

    ``followed``: the next order to the same worker begins alike. ``disturbed``: what the machine did to the
    first time that it was carried out; there is no third time.
    """

    number: int
    scenario: Scenario
    task: Task
    followed: bool = False
    disturbed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Played:
    """A scenario that was played; ``difference``: the first lines in which two plays of it differ."""

    number: int
    result: Result
    difference: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reached:
    """The crash state that a scenario reaches."""

    number: int
    state: str


@dataclass(frozen=True)
class Recorded:
    """The crash points of a recovery; ordinals count from its beginning."""

    number: int
    points: tuple[Fault, ...]


@dataclass(frozen=True)
class Probed:
    """What the probes found."""

    number: int
    probes: tuple[Probe, ...]


@dataclass(frozen=True)
class Lost:
    """An order that was not carried out, mostly as the worker was lost over it; ``why`` in words.

    ``disturbed``: what the machine did both times that it was tried.
    """

    number: int
    scenario: Scenario
    why: str
    disturbed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Disturbed:
    """What the machine did while an order was carried out, so that nothing follows from what was seen."""

    number: int
    by: tuple[str, ...]


@dataclass(frozen=True)
class Full:
    """The evidence of a scenario found no room; ``text`` says where."""

    number: int
    text: str


Answer = Full | Played | Reached | Recorded | Probed | Lost
PROBE = Order(0, Scenario("", (), "", Verdict.RECOVERED), Task.PROBE)
