"""A result of campaign.json with its crash state, as claims ask about it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hil.model.procedure import ProcedureKind
from hil.model.verdicts import VOID, Verdict
from hil.targets.hpcs.model.decision import SETTING_OUT, is_blind, promotion_of
from hil.targets.hpcs.model.registers import VALID, Promotion
from hil.targets.hpcs.model.twin.crashes import CrashAt, stopped
from hil.targets.hpcs.model.twin.instance import OLD, TwinInstance


@dataclass(frozen=True)
class Case:
    """One rotation that stopped, and what was typed after it."""

    record: Mapping[str, Any]
    crash: CrashAt

    @property
    def at(self) -> TwinInstance:
        """The instance when the rotation had stopped."""
        return self.crash.instance

    @property
    def kind(self) -> str:
        """Kind of the procedure."""
        return str(self.record["procedure"])

    @property
    def procedure(self) -> str:
        """Name of the procedure."""
        return str(self.record["id"].rpartition("/")[2])

    @property
    def documented(self) -> bool:
        """Whether the page's rule was followed."""
        return self.kind == ProcedureKind.DOCUMENTED

    @property
    def back(self) -> bool:
        """Whether every key came back."""
        return bool(self.record["verdict"] == Verdict.RECOVERED)

    @property
    def lost(self) -> bool:
        """Whether a key was lost."""
        return bool(self.record["verdict"] == Verdict.DATA_LOST)

    @property
    def result(self) -> str:
        """The outcome, where there is one, else the verdict."""
        return str(self.record.get("outcome") or self.record["verdict"])

    @property
    def typed(self) -> tuple[str, ...]:
        """Commands of the recovery, without numbers of units."""
        return tuple(line.partition(" ")[0] for line in self.record["recovery"])

    @property
    def act(self) -> str:
        """The first command that was typed to change something."""
        return next((word for word in self.typed if word not in SETTING_OUT), "")

    @property
    def seen(self) -> tuple[int, ...]:
        """Messages that the operator has seen."""
        return tuple(number for number in (1, 2) if self.record["messages_at_crash"][str(number)])

    @property
    def blind(self) -> bool:
        """Whether a part of the transcript was lost."""
        return is_blind(self.record)

    @property
    def promotion(self) -> Promotion:
        """How far set immediate had come."""
        return promotion_of(self.record)

    @property
    def untouched(self) -> bool:
        """Whether no register had been changed yet."""
        return all(unit.current == OLD and unit.new is None for unit in self.at.units)

    @property
    def new_ready(self) -> bool:
        """Whether NEW is Full Committed in all units, with one key."""
        return all(unit.pending for unit in self.at.units) and len({unit.new for unit in self.at.units}) == 1

    @property
    def new_valid(self) -> bool:
        """Whether a NEW register was ``Valid``."""
        return any(unit["new_state"] == VALID for unit in self.record["state_at_crash"]["units"])

    @property
    def rewrapped(self) -> int:
        """How many rows are under another key than before the rotation."""
        return sum(count for key, count in self.at.rows if key != OLD)

    @property
    def left(self) -> int:
        """How many rows are under the key from before the rotation."""
        return self.at.under(OLD)


def cases(records: Iterable[Mapping[str, Any]]) -> Iterator[Case]:
    """Yield the results in which a rotation stopped and something was learned."""
    for record in records:
        crash = stopped(record)
        if crash and record["verdict"] not in VOID:
            yield Case(record, crash)
