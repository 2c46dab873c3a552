"""Crash points and faults: where a rotation dies.

A crash point is ``(victim, event, ordinal, before|after)``: the k-th time that a named event crosses a
boundary between two processes. Neither a clock nor a random number takes part, so the same point means the
same instant in every run.

    before   the event is parked, the victim dies, and what the victim had not yet sent is never sent
    after    the event has taken effect, the victim dies, and a reply that the victim would have
             received or sent is lost

Besides SIGKILL the victim can hang, the caller can get an error, a reply can be lost, a disk can be full, and
the operator can lose what stood on the terminal: MATRIX says what applies where.

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
    """What happens at a crash point."""

    KILL = "kill"  # SIGKILL to the process group, or to the container
    HANG = "hang"  # the victim stops answering (SIGSTOP, docker pause) until the next stage
    ERROR = (
        "error"  # the caller gets an error reply: instead of the effect (before) or in spite of it (after)
    )
    LOST = "lost"  # the effect has happened, the reply is dropped with the connection
    FULL = "full"  # the durable system call fails with ENOSPC
    GONE = "gone"  # kill, and nothing that the command had printed is left (terminal closed)
    CUT = "cut"  # kill, and only the last line is left (scroll-back too short)
    BUFFERED = "buffered"  # kill, and what stood in a block buffer of 4096 bytes was never printed


class EventClass(StrEnum):
    """Kind of boundary that an event crosses."""

    ADMIN = "admin"  # tke to a crypto unit
    REST = "rest"  # tke to the kms
    PKCS11 = "pkcs11"  # kms to a crypto unit
    SYSCALL = "syscall"  # a durable system call of tke, kms or firmware
    SQL = "sql"  # the system call that makes a transaction of the key store durable
    DATABASE = "database"  # a commit that the kms asks of a database server
    TRANSCRIPT = "transcript"  # a line on the operator's terminal


KILLS = frozenset({FaultKind.KILL, FaultKind.GONE, FaultKind.CUT, FaultKind.BUFFERED})
BLINDING = frozenset({FaultKind.GONE, FaultKind.CUT, FaultKind.BUFFERED})

EXCHANGES = (EventClass.ADMIN, EventClass.REST, EventClass.PKCS11, EventClass.DATABASE)
# Which kind means something at which class of event, and on which side of it.
BOTH, ONLY_BEFORE, ONLY_AFTER = ("before", "after"), ("before",), ("after",)
MATRIX: dict[FaultKind, dict[EventClass, tuple[str, ...]]] = {
    FaultKind.KILL: {
        EventClass.ADMIN: BOTH,
        EventClass.REST: BOTH,
        EventClass.PKCS11: BOTH,
        EventClass.SYSCALL: ONLY_BEFORE,  # "after" is "before the process' next event": nothing is between
        EventClass.SQL: ONLY_BEFORE,
        EventClass.DATABASE: BOTH,
        EventClass.TRANSCRIPT: ONLY_AFTER,
    },
    FaultKind.HANG: dict.fromkeys(EXCHANGES, ONLY_BEFORE),
    FaultKind.ERROR: dict.fromkeys(EXCHANGES, BOTH),
    FaultKind.LOST: dict.fromkeys(EXCHANGES, ONLY_AFTER),
    FaultKind.FULL: dict.fromkeys((EventClass.SYSCALL, EventClass.SQL), ONLY_BEFORE),
    # The terminal goes with the command that dies, of a line that it printed or of what it was waiting for.
    **{
        kind: dict.fromkeys((EventClass.TRANSCRIPT, EventClass.ADMIN, EventClass.REST), ONLY_AFTER)
        for kind in (FaultKind.GONE, FaultKind.CUT, FaultKind.BUFFERED)
    },
}

# Error replies that real units and services give. PKCS#11 v2.40 section 5 for the values of a token; those of
# PostgreSQL (appendix A of its manual) are a server that is shut down, and a full disk.
EXPIRED = "401"  # the operator's token has expired, and stays so until they log in
ERRORS: dict[EventClass, tuple[str, ...]] = {
    EventClass.ADMIN: (EXPIRED, "503"),
    EventClass.REST: (EXPIRED, "503"),
    EventClass.DATABASE: ("57P01", "53100"),
    EventClass.PKCS11: (
        "CKR_DEVICE_ERROR",
        "CKR_DEVICE_MEMORY",
        "CKR_DEVICE_REMOVED",
        "CKR_FUNCTION_FAILED",
        "CKR_GENERAL_ERROR",
        "CKR_KEY_HANDLE_INVALID",
        "CKR_OBJECT_HANDLE_INVALID",
        "CKR_SESSION_CLOSED",
        "CKR_SESSION_HANDLE_INVALID",
        "CKR_TOKEN_NOT_PRESENT",
        "CKR_USER_NOT_LOGGED_IN",
    ),
}


def does_something(kind: FaultKind, detail: str, boundary: EventClass, when: When) -> bool:
    """Whether a fault means anything at an event of this class, by the tables above."""
    known = kind is not FaultKind.ERROR or detail in ERRORS.get(boundary, ())
    return known and when in MATRIX[kind].get(boundary, ())


class BadId(ValueError):
    """A scenario or crash-point id that cannot be read; the text says what the form is."""


NUMBERED = "unit"  # the one kind of process that a target has several of, told apart by numbers


@dataclass(frozen=True, order=True)
class Process:
    """One process of a target: a name such as ``kms``, or ``unit:N``."""

    role: str
    number: int = 0

    def __str__(self) -> str:
        return f"{self.role}:{self.number}" if self.number else str(self.role)

    @property
    def slug(self) -> str:
        """Form inside ids, without the colon."""
        return str(self).replace(":", "")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``tke``, ``unit:2`` or ``unit2``, and so on."""
        match = re.fullmatch(rf"{NUMBERED}:?([1-9]\d*)|([a-z0-9]+(?:-[a-z0-9]+)*)", text)
        if not match:
            raise BadId(f"{text!r} is no process: small letters, digits and hyphens only")
        return cls(NUMBERED, int(match[1])) if match[1] else cls(match[2])


_ID = re.compile(
    r"([a-z0-9-]+)@([A-Za-z_][A-Za-z0-9_-]*)\.([1-9]\d*)-(before|after)(?:\+([a-z]+)(?:\.(\w+))?)?"
)


@dataclass(frozen=True)
class Fault:
    """A crash point and what happens there; ``ordinal`` starts at 1 in each stage of a scenario.

    A stage is the rotation itself (0) or the recovery after the n-th fault (n). Ordinals count an event over
    the whole instance, system calls over the victim. ``detail`` names the error of an error reply.
    """

    victim: Process
    event: str
    ordinal: int
    when: When
    kind: FaultKind = FaultKind.KILL
    detail: str = ""

    @property
    def id(self) -> str:
        """Readable, stable and safe in a shell: ``unit2@setimm.1-after``, ``kms@C_WrapKey.3-before+hang``."""
        kind = "" if self.kind is FaultKind.KILL else f"+{self.kind}"
        detail = f".{self.detail}" if self.detail else ""
        return f"{self.victim.slug}@{self.event}.{self.ordinal}-{self.when}{kind}{detail}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the form that ``id`` writes."""
        match = _ID.fullmatch(text)
        if not match or (match[5] and match[5] not in list(FaultKind)):
            raise BadId(f"{text!r} is no crash point: VICTIM@EVENT.ORDINAL-before|after[+KIND[.DETAIL]]")
        kind = FaultKind(match[5]) if match[5] else FaultKind.KILL
        if (kind is FaultKind.ERROR) != bool(match[6]):
            raise BadId(f"{text!r}: only an error reply has a detail, and it needs one, as in +error.503")
        place = (Process.parse(match[1]), match[2], int(match[3]), When(match[4]))
        return cls(*place, kind, match[6] or "")
