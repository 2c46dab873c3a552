"""A target: a system under test, as the engine needs it. The engine knows no other side of it.

Its Places are handed to every worker process, so they survive being pickled; the Place that a worker makes of
them stays in its process.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from hil.engine.orders import Answer, Disturbed, Lost, Order
from hil.engine.phases import OnPhase
from hil.engine.plan import Origin
from hil.engine.results import Judgement, Results
from hil.engine.room import Room
from hil.engine.rundir import Record
from hil.model.scenario import Result, Scenario

Chosen = Callable[[Sequence[Scenario]], Sequence[Scenario]]


@dataclass(frozen=True)
class Prepared:
    """The state that every scenario begins with, and what was recorded of rotations without a fault.

    ``room``: whether there is room for more of it.
    """

    golden: object
    room: Room
    recording: object = None


class Workers(Protocol):
    """Carry out orders and answer each, in any order."""

    def work(self, orders: Sequence[Order]) -> Iterator[Answer]:
        """Yield the answers as they come."""
        ...


class Place(Protocol):
    """Where one worker plays, one scenario after the other."""

    def carry_out(self, order: Order) -> Answer | Disturbed:
        """Do what was ordered, and keep its evidence, unless the machine has disturbed it."""
        ...

    def close(self) -> None:
        """Leave nothing behind."""
        ...


Judged = TypeVar("Judged", bound=Judgement)


class Places(Protocol):
    """What makes places for workers, each in a process of its own."""

    def place(self, name: str, golden: object) -> Place:
        """Make a place for the worker of that name."""
        ...

    def tidy(self, name: str) -> None:
        """Remove what a worker that was lost has left outside its place."""
        ...

    def set_apart(self, scenario: Scenario) -> bool:
        """Whether a place has to be made anew for a scenario; such scenarios come last."""
        ...


class Target(Protocol[Judged]):
    """A system under test."""

    @property
    def places(self) -> Places:
        """What is handed to every worker process."""
        ...

    @property
    def name(self) -> str:
        """Name of the campaign's profile in campaign.json."""
        ...

    def prepare(self, entered: OnPhase, *, recorded: bool) -> Prepared:
        """Set up the golden state, and record rotations without a fault where that is asked for."""
        ...

    def plan(
        self, recording: object, workers: Workers, chosen: Chosen
    ) -> tuple[tuple[Scenario, ...], Origin]:
        """Return what is to be played, of which ``chosen`` narrows the first depth down."""
        ...

    def lost(self, lost: Lost) -> Result:
        """Return the result of a scenario that the bench has lost, and keep what evidence there is."""
        ...

    def judge(self, results: Results) -> Judged:
        """Judge a campaign."""
        ...

    def head(self, judgement: Judged) -> Record:
        """Return the head of campaign.json, as far as it follows from target and judgement."""
        ...
