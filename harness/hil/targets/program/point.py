"""Calls of a foreign command, and the crash points at them.

    before   the call is parked in the kernel, the command dies, the call never happens
    after    of a PKCS#11 call: the token has done it, the command dies before it hears of it

For system calls "after" is the same crash state as "before the next one"; after the last one the command
changes nothing any more.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

from hil.model.faults import BadId, When
from hil.model.printable import printable
from hil.model.verdicts import Verdict

_ID = re.compile(r"([\w-]+)/(?:none|([\w-]+)@(\w+)\.([1-9]\d*)-(before|after))/([\w-]+)")
# The gate names a PKCS#11 call by taking away a file that is not there (examples/sut/p11gate.c).
GATE = re.compile(r"pkcs11/(C_\w+)-(before|after)")
# What is another in every run: temporary names.
_CHANCE = re.compile(r"(?<=tmp)\w{6,}|[0-9a-f]{8,}")


@dataclass(frozen=True)
class ObservedCall:
    """A call that a command is about to make, or a token has made; ``path`` is empty of a PKCS#11 call."""

    name: str
    ordinal: int
    when: When
    path: str

    def record(self) -> dict[str, Any]:
        """Return the line of events.jsonl."""
        return {"name": self.name, "ordinal": self.ordinal, "when": str(self.when), "path": self.path}

    @property
    def text(self) -> str:
        """The call without what is random in every run."""
        return f"{self.name}.{self.ordinal}-{self.when} {_CHANCE.sub('#', self.path)}".rstrip()


class Counting:
    """Gives calls their ordinals, by name and side, as they come."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, When]] = Counter()

    def call(self, name: str, path: str) -> ObservedCall:
        """Return the call that a watch has told of."""
        gate = GATE.fullmatch(path)
        name, when, path = (gate[1], When(gate[2]), "") if gate else (name, When.BEFORE, printable(path))
        self._seen[name, when] += 1
        return ObservedCall(name, self._seen[name, when], when, path)


def trace(calls: Iterable[ObservedCall]) -> str:
    """Return 16 hexadecimal digits that are equal for runs that made the same calls."""
    return hashlib.sha256("\n".join(call.text for call in calls).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class ProgramPoint:
    """A crash point of the command."""

    event: str
    ordinal: int
    when: When

    def is_at(self, call: ObservedCall) -> bool:
        """Whether the command dies at this call."""
        return (self.event, self.ordinal, self.when) == (call.name, call.ordinal, call.when)


def points(calls: Iterable[ObservedCall]) -> Iterator[ProgramPoint]:
    """Yield every crash point of a recording."""
    return (ProgramPoint(call.name, call.ordinal, call.when) for call in calls)


@dataclass(frozen=True)
class ProgramScenario:
    """A rotation, the point at which its command dies (None: it does not), the procedure followed then."""

    flow: str
    victim: str
    point: ProgramPoint | None
    procedure: str
    expected: Verdict

    @property
    def id(self) -> str:
        """``rekey/ansible-vault@unlink.2-before/rerun``; ``none`` stands for a run without a fault."""
        point = self.point
        where = f"{self.victim}@{point.event}.{point.ordinal}-{point.when}" if point else "none"
        return f"{self.flow}/{where}/{self.procedure}"

    @classmethod
    def parse(cls, text: str, victim: str, expected: Verdict) -> Self:
        """Read the form that ``id`` writes."""
        match = _ID.fullmatch(text)
        if not match or match[2] not in (None, victim):
            raise BadId(f"'{text}' is no scenario: FLOW/{victim}@EVENT.ORDINAL-before|after/PROCEDURE")
        point = ProgramPoint(match[3], int(match[4]), When(match[5])) if match[2] else None
        return cls(match[1], victim, point, match[6], expected)
