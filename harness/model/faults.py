"""Crash points and faults: where a rotation dies.

A crash point is ``(victim, event, ordinal, before|after)``: the k-th time that a named event crosses a
boundary between two processes. Neither a clock nor a random number takes part, so the same point means the
same instant in every run.

    before   the event is parked, the victim dies, and what the victim had not yet sent is never sent
    after    the event has taken effect, the victim dies, and a reply that the victim would have
             received or sent is lost

Rejected: kills by time (not repeatable) and failpoints in the code under test (they test another program).
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class When(StrEnum):
    """Side of the event on which the victim dies."""

    BEFORE = "before"
    AFTER = "after"


class FaultKind(StrEnum):
    """What happens to the victim."""

    KILL = "kill"  # SIGKILL to the process group, or to the container


class Role(StrEnum):
    """Kind of process that can die."""

    TKE = "tke"
    KMS = "kms"
    UNIT = "unit"


class BadId(ValueError):
    """A scenario or crash-point id that cannot be read; the text says what the form is."""


@dataclass(frozen=True, order=True)
class Process:
    """One process of the system under test: ``tke``, ``kms`` or ``unit:N``."""

    role: Role
    number: int = 0

    def __str__(self) -> str:
        return f"{self.role}:{self.number}" if self.role is Role.UNIT else str(self.role)

    @property
    def slug(self) -> str:
        """Form inside ids, without the colon."""
        return str(self).replace(":", "")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``tke``, ``kms``, ``unit:2`` or ``unit2``."""
        match = re.fullmatch(r"(tke|kms)|unit:?([1-9]\d*)", text)
        if not match:
            raise BadId(f"'{text}' is no process: tke, kms or unit<N>")
        return cls(Role(match[1])) if match[1] else cls(Role.UNIT, int(match[2]))


TKE = Process(Role.TKE)
KMS = Process(Role.KMS)


def unit(number: int) -> Process:
    """The crypto unit with this number."""
    return Process(Role.UNIT, number)


@dataclass(frozen=True)
class Fault:
    """A crash point and what happens there; ``ordinal`` starts at 1 in each stage of a scenario.

    A stage is the rotation itself (0) or the recovery after the n-th fault (n).
    """

    victim: Process
    event: str
    ordinal: int
    when: When
    kind: FaultKind = FaultKind.KILL

    @property
    def id(self) -> str:
        """Readable, stable and safe in a shell: ``unit2@setimm.1-after``."""
        return f"{self.victim.slug}@{self.event}.{self.ordinal}-{self.when}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the form that ``id`` writes."""
        match = re.fullmatch(r"([a-z0-9]+)@([A-Za-z_][A-Za-z0-9_-]*)\.([1-9]\d*)-(before|after)", text)
        if not match:
            raise BadId(f"'{text}' is no crash point: VICTIM@EVENT.ORDINAL-before|after")
        return cls(Process.parse(match[1]), match[2], int(match[3]), When(match[4]))
