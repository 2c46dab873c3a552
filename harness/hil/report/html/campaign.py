"""A campaign as the report shows it, whether it came to its end or not.

What every campaign has is told here of the records alone, as they stand in results.jsonl. What a rotation
means, and how its crash points follow on each other, a subclass knows.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from hil.model.judging import Judged
from hil.model.procedure import ProcedureKind
from hil.model.verdicts import Gate
from hil.report.html.lines import Line
from hil.report.html.look import VerdictLook, look

Record = dict[str, Any]


class Planned(Protocol):
    """A scenario of a plan, as far as every report needs it."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def procedure(self) -> str:
        """Name of its procedure."""


@dataclass(frozen=True)
class CampaignView(ABC):
    """Plan, results by number from 1, and the head of campaign.json, empty where there is none.

    ``judged``: as the campaign wrote it, else what follows from the results so far. ``home`` is what the
    commands in the report call the run directory.
    """

    path: Path
    plan: Sequence[Planned]
    records: Mapping[int, Record]
    head: Record
    judged: Judged
    planned: int
    differing: frozenset[str]
    home: str

    @abstractmethod
    def kind(self, procedure: str) -> ProcedureKind:
        """Kind of a procedure of the plan."""

    @abstractmethod
    def title(self, procedure: str) -> str | None:
        """Title of a procedure, None where it has none or is not known here."""

    @abstractmethod
    def bodies(self) -> Iterator[Sequence[Line]]:
        """Yield the lines of the matrix, one body after the other."""

    @abstractmethod
    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield what ran, by name; only called where the campaign came to its end."""

    @abstractmethod
    def claim(self, number: int) -> str:
        """Say what a scenario tries, and what is predicted."""

    @abstractmethod
    def replay(self, number: int) -> str:
        """Return the command that plays a scenario again."""

    @property
    def name(self) -> str:
        """Name of the run directory."""
        return self.path.resolve().name

    @property
    def finished(self) -> bool:
        """Whether it came to its end."""
        return bool(self.head)

    @cached_property
    def looks(self) -> Mapping[int, VerdictLook]:
        """How each scenario of the plan ended, by number."""
        return {
            number: look(self.records.get(number), differs=scenario.id in self.differing)
            for number, scenario in enumerate(self.plan, start=1)
        }

    @property
    def gate(self) -> Gate:
        """The gate."""
        return self.judged.gate

    def folder(self, number: int) -> Path:
        """Folder of a scenario's evidence, which may be missing."""
        return self.path / "scenarios" / str(number)
