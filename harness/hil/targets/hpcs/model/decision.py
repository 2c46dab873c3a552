"""The decision table that a campaign has verified: what an operator sees, what they then do, how it ended.

Made of the records of campaign.json alone. A row stands for all crash states that look the same to the
operator; whether its action is right in each of them is what the campaign has tried. Three things are
verified of a procedure: every crash state has an action (total), only one (disjoint), and none that loses
keys (safe).
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hil.model.faults import BLINDING
from hil.model.procedure import ProcedureKind
from hil.model.verdicts import VOID, Verdict
from hil.targets.hpcs.model.registers import EMPTY, VALID, Promotion, Register, UnitRegisters, promotion
from hil.targets.hpcs.model.rules import ASK
from hil.targets.hpcs.model.standing import Extent, extent
from hil.targets.hpcs.model.twin.crashes import read, stopped
from hil.targets.hpcs.model.twin.instance import OLD

Record = Mapping[str, Any]
LOOKS = frozenset({"cryptounit-mk", "cryptounit-mks", "cryptounit-compare", "rotation-status"})
SETTING_OUT = frozenset(
    {"login", "cryptounits", "cryptounit-add", *LOOKS}
)  # what changes nothing before a look
ASKED = "stop and ask a human"
SEEN = ("flow", "command", "message 1", "message 2", "promoted", "rows rewrapped")
YES_NO = {True: "yes", False: "no"}
NO_NUMBERS = re.compile(r"(?<=cryptounit-rm )[\d ]+|(?<=cryptounit-add )[\d ]+")


@dataclass(frozen=True)
class Seen:
    """What an operator has to go by, by the messages or by the state of the instance.

    By the messages: ``command`` is the one that ended, ``promotion`` is looked at where message 2 was seen.
    By the state: ``messages`` is None, and ``rows`` says how many of them are rewrapped.
    """

    flow: str
    command: str = ""
    messages: tuple[bool, bool] | None = None
    promotion: Promotion | None = None
    rows: Extent | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """Return the columns SEEN."""
        shown = [YES_NO[one] for one in self.messages] if self.messages else ["", ""]
        if self.messages and self.flow != "auto":
            shown[0] = "-"
        return (self.flow, self.command, *shown, self.promotion or "", self.rows or "")


@dataclass(frozen=True)
class DecisionRow:
    """One line of the table: what was seen, and what one rule (empty: none) said to do.

    ``errors``: how the last command may have ended; ``states``: how many crash states look so; ``example``:
    an id to replay.
    """

    seen: Seen
    errors: tuple[str, ...]
    rule: str
    action: tuple[str, ...]
    states: int
    verdicts: Mapping[Verdict, int]
    example: str

    @property
    def scenarios(self) -> int:
        """How many scenarios stand behind it."""
        return sum(self.verdicts.values())


@dataclass(frozen=True)
class Table:
    """The table of one procedure and what is verified of it, each as the ids of scenarios that break it.

    ``reached``: crash states of the whole campaign; ``played``: those in which this procedure was followed.
    ``unlike``: results of other procedures in crash states that look like none in which it was. ``blinded``:
    losses where the operator had not seen what was printed, which are not counted as ``unsafe``.
    """

    kind: ProcedureKind
    rows: tuple[DecisionRow, ...]
    reached: int
    played: int
    unanswered: tuple[str, ...]
    unlike: tuple[str, ...]
    ambiguous: tuple[str, ...]
    unsafe: tuple[str, ...]
    blinded: tuple[str, ...]

    @property
    def total(self) -> bool:
        """Whether every crash state that was reached has an action, by looking like one that was tried."""
        return not self.unanswered and not self.unlike

    @property
    def untried(self) -> int:
        """Crash states in which another procedure was followed, and this one not."""
        return self.reached - self.played

    @property
    def disjoint(self) -> bool:
        """Whether no crash state has two."""
        return not self.ambiguous

    @property
    def safe(self) -> bool:
        """Whether no action lost a key, as long as the operator had the whole transcript."""
        return not self.unsafe


def broke_off(record: Record) -> bool:
    """Whether a result is of a rotation that stopped, so that there was something to decide."""
    return record["verdict"] not in VOID and stopped(record) is not None


def table(records: Iterable[Record], kind: ProcedureKind) -> Table:
    """Return the table of all results of a kind of procedure; ``records``: of the whole campaign."""
    broken = [record for record in records if broke_off(record)]
    ours = [record for record in broken if record["procedure"] == kind]
    groups: dict[tuple[Seen, str], list[Record]] = defaultdict(list)
    for record in ours:
        groups[seen(record, kind), _rule(record)].append(record)
    known = {_look(record, kind) for record in ours}
    lost = [record for record in ours if record["verdict"] == Verdict.DATA_LOST]
    return Table(
        kind=kind,
        rows=tuple(_row(*signs, group) for signs, group in sorted(groups.items(), key=_order)),
        reached=len({record["state"] for record in broken}),
        played=len({record["state"] for record in ours}),
        unanswered=_ids(record for record in ours if not record["rules"] and record["stuck"]),
        unlike=_ids(record for record in broken if _look(record, kind) not in known),
        ambiguous=_ids(_ambiguous(ours)),
        unsafe=_ids(record for record in lost if not is_blind(record)),
        blinded=_ids(record for record in lost if is_blind(record)),
    )


def _look(record: Record, kind: ProcedureKind) -> tuple[Seen, str]:
    """Return all that a rule of this kind can go by: beside what is seen, how the last command ended."""
    return seen(record, kind), "" if kind is ProcedureKind.STATE_BASED else read(record).ended


def seen(record: Record, kind: ProcedureKind) -> Seen:
    """Return what an operator who follows this kind of procedure goes by when a rotation has stopped."""
    crash = read(record)
    if kind is ProcedureKind.STATE_BASED:
        rows = sum(count for _, count in crash.instance.rows)
        moved = extent(rows - crash.instance.under(OLD), rows)
        return Seen(crash.flow, promotion=promotion_of(record), rows=moved)
    shown = record["messages_at_crash"]
    messages = bool(shown["1"]), bool(shown["2"])
    return Seen(crash.flow, crash.command, messages, promotion_of(record) if messages[1] else None)


def promotion_of(record: Record) -> Promotion:
    """Return how far set immediate had come in the crash state of a result."""
    return promotion([_registers(unit) for unit in record["state_at_crash"]["units"]])


def did(record: Record) -> tuple[str, ...]:
    """Return the action of a result: what was typed, or that a human was asked."""
    return (ASK,) if record["stuck"].startswith(ASKED) else action(record["recovery"])


def action(recovery: Sequence[str]) -> tuple[str, ...]:
    """Return what was typed until the next look: no looks, nothing that led to one, no numbers of units."""
    words = [line.partition(" ")[0] for line in recovery]
    first = next((at for at, word in enumerate(words) if word not in SETTING_OUT), len(words))
    looked = bool(LOOKS & {*words[:first]})
    start, stop = (first, SETTING_OUT) if looked else (0, LOOKS)
    end = next((at for at, word in enumerate(words) if at >= start and word in stop), len(words))
    return tuple(NO_NUMBERS.sub("…", line) for line in recovery[start:end])


def _row(signs: Seen, rule: str, records: Sequence[Record]) -> DecisionRow:
    """Put the results of one row together; its action is the shortest recovery, which nothing interrupted."""
    plain = min(records, key=lambda record: (len(record["faults"]), len(action(record["recovery"]))))
    return DecisionRow(
        seen=signs,
        errors=tuple(sorted({read(record).ended for record in records})),
        rule=rule,
        action=did(plain),
        states=len({record["state"] for record in records}),
        verdicts=Counter(Verdict(record["verdict"]) for record in records),
        example=plain["id"],
    )


def _ambiguous(records: Sequence[Record]) -> Iterable[Record]:
    """Yield results of a crash state in which several rules matched, or another one than elsewhere in it."""
    first: dict[tuple[str, str], str] = {}
    for record in records:
        if record["stuck"].startswith("ambiguous"):
            yield record
        else:
            name = record["id"].rpartition("/")[2]
            if first.setdefault((name, record["state"]), _rule(record)) != _rule(record):
                yield record


def _rule(record: Record) -> str:
    """Return the rule that the operator followed first; empty where there was none."""
    return str(next(iter(record["rules"]), ""))


def _registers(unit: Mapping[str, Any]) -> UnitRegisters:
    current = _register(VALID if unit["current"] else EMPTY, unit["current"])
    return UnitRegisters(unit["number"], unit["type"], current, _register(unit["new_state"], unit["new"]))


def _register(state: str, pattern: str | None) -> Register:
    return Register(state, (pattern or "").ljust(64, "0"))


def is_blind(record: Record) -> bool:
    """Whether the operator had lost some of what was printed."""
    return any(fault["kind"] in BLINDING for fault in record["faults"])


def _ids(records: Iterable[Record]) -> tuple[str, ...]:
    return tuple(record["id"] for record in records)


def _order(group: tuple[tuple[Seen, str], object]) -> tuple[Any, ...]:
    signs, rule = group[0]
    where = list(Promotion).index(signs.promotion) if signs.promotion else 0
    rows = list(Extent).index(signs.rows) if signs.rows else 0
    return signs.flow, signs.messages or (), where, rows, signs.command, rule
