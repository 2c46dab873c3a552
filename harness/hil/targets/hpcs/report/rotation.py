"""A campaign on the rotation of harness/hil/targets/hpcs/emulator.py, with its flows, steps and messages."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from hil.engine.stored import Stored
from hil.model import judging
from hil.model.procedure import ProcedureKind
from hil.model.scenario import Result, Scenario
from hil.report.html import order, words
from hil.report.html.campaign import CampaignView
from hil.report.html.lines import Line
from hil.targets.hpcs.model.rules import Procedure
from hil.targets.hpcs.operator.book import Book
from hil.targets.hpcs.operator.load import BadProcedure
from hil.targets.hpcs.play import outcome


@dataclass(frozen=True)
class RotationView(CampaignView):
    """``records`` are the results as they stand in the file, with fields that ``results`` do not have."""

    plan: tuple[Scenario, ...]
    results: Mapping[int, Result]
    book: Book

    @classmethod
    def of(cls, stored: Stored, home: str = "") -> Self:
        """Take what a report needs of a run directory; ``home`` is what commands call it, else its path."""
        return cls(
            path=stored.path,
            plan=stored.plan,
            records=dict(sorted(stored.records.items())),
            head=stored.head,
            judged=judging.stored(stored.head) or outcome.of(stored).judged,
            planned=stored.planned,
            differing=frozenset(stored.differing),
            home=home or str(stored.path),
            results=stored.results,
            book=stored.book,
        )

    def procedure(self, name: str) -> Procedure | None:
        """Return a procedure of the plan; None for one that this version does not come with."""
        try:
            return self.book[name]
        except BadProcedure:
            return None

    def kind(self, procedure: str) -> ProcedureKind:
        """Kind of a procedure: as results tell it, else as it is known here."""
        for number, record in self.records.items():
            if self.plan[number - 1].procedure == procedure:
                return ProcedureKind(record["procedure"])
        known = self.procedure(procedure)
        return known.kind if known else ProcedureKind.FORBIDDEN

    def title(self, procedure: str) -> str | None:
        """Title of a procedure that is known here."""
        known = self.procedure(procedure)
        return known.title if known else None

    def bodies(self) -> Iterator[Sequence[Line]]:
        """Yield the lines of each flow, in the order of its steps."""
        return order.bodies(self.plan)

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield profile, crypto units and keys."""
        head = self.head
        units = ", ".join(f"{number} {kind}" for kind, number in head["units"].items() if number)
        yield "profile", head["profile"]
        yield "crypto units", f"{units}, as {head['backend']}"
        yield "keys", f"{head['keys']} in {head['keystore']}"

    def claim(self, number: int) -> str:
        """Say what a scenario tries, and what is predicted."""
        scenario = self.plan[number - 1]
        return words.claim(scenario, self.title(scenario.procedure) or "not known here")

    def replay(self, number: int) -> str:
        """Return the command that plays a scenario again."""
        return words.replay(self.plan[number - 1], self.home)
