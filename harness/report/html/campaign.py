"""A campaign as the report shows it, whether it came to its end or not."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from harness.campaign.stored import Stored
from harness.model.rules import Procedure
from harness.model.scenario import Result, Scenario
from harness.model.verdicts import Gate, Verdict, gate
from harness.procedures.book import Book
from harness.procedures.load import BadProcedure
from harness.report.html.look import Look, look

Record = dict[str, Any]


@dataclass(frozen=True)
class Campaign:
    """Plan, results by number from 1, and the head of campaign.json, empty where there is none.

    ``records`` are the results as they stand in the file, with fields that ``results`` do not have.
    """

    path: Path
    plan: tuple[Scenario, ...]
    records: Mapping[int, Record]
    results: Mapping[int, Result]
    head: Record
    planned: int
    differing: frozenset[str]
    book: Book
    home: str

    @classmethod
    def of(cls, stored: Stored, home: str = "") -> Self:
        """Take what a report needs of a run directory; ``home`` is what commands call it, else its path."""
        return cls(
            stored.path,
            stored.plan,
            dict(sorted(stored.records.items())),
            stored.results,
            stored.head,
            stored.planned,
            frozenset(stored.differing),
            stored.book,
            home or str(stored.path),
        )

    @property
    def name(self) -> str:
        """Name of the run directory."""
        return self.path.resolve().name

    @property
    def finished(self) -> bool:
        """Whether it came to its end."""
        return bool(self.head)

    @cached_property
    def looks(self) -> Mapping[int, Look]:
        """How each scenario of the plan ended, by number."""
        return {
            number: look(self.records.get(number), differs=scenario.id in self.differing)
            for number, scenario in enumerate(self.plan, start=1)
        }

    @property
    def gate(self) -> Gate:
        """The gate: as the campaign wrote it, else what follows from the results so far."""
        if self.finished:
            return Gate(self.head["gate"])
        pairs = [
            (Verdict(record["verdict"]), Verdict(record["expected"])) for record in self.records.values()
        ]
        outcomes = [
            (record.get("outcome"), record.get("expected_outcome")) for record in self.records.values()
        ]
        foreseen = all(seen is None or expected in (None, seen) for seen, expected in outcomes)
        return gate(pairs, self.planned, repeatable=not self.differing, foreseen=foreseen)

    def procedure(self, name: str) -> Procedure | None:
        """Return a procedure of the plan; None for one that this version does not come with."""
        try:
            return self.book[name]
        except BadProcedure:
            return None

    def folder(self, number: int) -> Path:
        """Folder of a scenario's evidence, which may be missing."""
        return self.path / "scenarios" / str(number)
