"""The verified table of a procedure: for each thing that an operator can find, what came of following it.

Made of the results of a run directory. What an operator finds is how far the rotation was, how its command
ended and which messages are left on the terminal; all results that share this make one line, unless they
ended differently.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from hil.model.verdicts import VOID, Verdict
from hil.targets.hpcs.model.decision import ASKED, did
from hil.targets.hpcs.model.standing import Extent, Standing
from hil.targets.hpcs.model.twin.crashes import stopped
from hil.targets.hpcs.operator.operator import AMBIGUOUS, SILENT

Record = Mapping[str, Any]


class ProcedureResult(StrEnum):
    """What a procedure came to in a crash state, the worst last."""

    PRESERVES = "preserves"  # every key came back, and the rotation is complete
    UNKNOWN = "not played"  # the fault did not strike, or the bench failed
    ASKS = "asks a human"  # it stopped, and every key is still there
    SILENT = "silent"  # no rule for what was seen
    AMBIGUOUS = "ambiguous"  # several rules for what was seen
    STICKS = "sticks"  # it was followed, every key is still there, and it leads no further
    LOSES = "loses"  # a key is gone for good


STAGES: Sequence[tuple[str, Extent, str]] = (
    ("promoted", Extent.ALL, "promoted everywhere"),
    ("promoted", Extent.SOME, "promoted in some units"),
    ("rows", Extent.ALL, "all rows rewrapped"),
    ("rows", Extent.SOME, "some rows rewrapped"),
    ("committed", Extent.ALL, "NEW committed"),
    ("committed", Extent.SOME, "NEW committed in some units"),
    ("loaded", Extent.ALL, "NEW loaded"),
    ("loaded", Extent.SOME, "NEW loaded in some units"),
    ("loaded", Extent.NONE, "nothing begun"),
)
COLUMNS = ("flow", "stage", "messages", "command", "ended")
ENDS = {"none": "killed", "token": "token expired", "other": "error"}
WENT_ON = "(went on to its end)"


@dataclass(frozen=True)
class Found:
    """What an operator finds: how far the rotation is, what ended it and how, messages left on the terminal.

    ``stage`` is the number of a line of STAGES, the last thing done first. An operator sees it only where the
    procedure looks.
    """

    flow: str
    stage: int
    messages: str
    command: str
    ended: str

    @property
    def words(self) -> tuple[str, ...]:
        """Return it for the columns COLUMNS."""
        return self.flow, STAGES[self.stage][2], self.messages, self.command, self.ended


@dataclass(frozen=True)
class TableLine:
    """One line of the table; ``lost`` keys at worst, ``scenarios`` are ids to replay."""

    found: Found | None
    answer: ProcedureResult
    rules: tuple[str, ...]
    typed: tuple[str, ...]
    lost: int
    why: str
    scenarios: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Return the form of validation.json."""
        found = dict(zip(COLUMNS, self.words, strict=True))
        return found | {name: value for name, value in asdict(self).items() if name != "found"}

    @property
    def words(self) -> tuple[str, ...]:
        """Return what was found, for the columns COLUMNS."""
        return self.found.words if self.found else ("",) * len(COLUMNS)


def lines(records: Iterable[Record], causes: Mapping[str, str]) -> tuple[TableLine, ...]:
    """Return the table of all results, the worst answer first, and of each in the order of the rotation.

    ``causes``: what took the master key of lost keys away, by id, where events tell.
    """
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for record in records:
        groups.setdefault((_found(record), answer(record), did(record)), []).append(record)
    ordered = sorted(groups.values(), key=lambda group: _order(group[0]))
    return tuple(_line(group, causes) for group in ordered)


def counts(table: Iterable[TableLine]) -> dict[ProcedureResult, int]:
    """Count scenarios by answer, the worst first, those that there are."""
    counted: Counter[ProcedureResult] = Counter()
    for line in table:
        counted[line.answer] += len(line.scenarios)
    return {answer: counted[answer] for answer in reversed(ProcedureResult) if counted[answer]}


def answer(record: Record) -> ProcedureResult:
    """Return what came of the procedure in one scenario."""
    verdict, stuck = record["verdict"], record["stuck"]
    if verdict in VOID:
        return ProcedureResult.UNKNOWN
    if verdict != Verdict.STUCK:
        return ProcedureResult.LOSES if verdict == Verdict.DATA_LOST else ProcedureResult.PRESERVES
    if stuck.startswith(ASKED):
        return ProcedureResult.ASKS
    if stuck.startswith(AMBIGUOUS):
        return ProcedureResult.AMBIGUOUS
    return ProcedureResult.SILENT if stuck.startswith(SILENT) else ProcedureResult.STICKS


def _line(group: Sequence[Record], causes: Mapping[str, str]) -> TableLine:
    worst = max(group, key=_lost)
    return TableLine(
        found=_found(worst),
        answer=answer(worst),
        rules=tuple(worst["rules"]),
        typed=did(worst),
        lost=_lost(worst),
        why=_why(worst, causes.get(worst["id"], "")),
        scenarios=tuple(record["id"] for record in group),
    )


def _why(record: Record, cause: str) -> str:
    """Return what made it so: of lost keys, what was typed and what that did."""
    found = "; ".join(finding["text"] for finding in record["findings"][:1])
    if record["verdict"] == Verdict.DATA_LOST:
        typed = ", ".join(did(record)) or "nothing"
        return f"typed {typed}: {cause or found}".removesuffix(": ")
    said: str = record["stuck"].removeprefix(AMBIGUOUS)
    return said or found


def _found(record: Record) -> Found | None:
    """Return what the operator found; None where nothing is known of it."""
    crash = stopped(record)
    if not record.get("standing"):
        return None
    standing = Standing.from_record(record["standing"])
    stage = next(at for at, (name, extent, _) in enumerate(STAGES) if getattr(standing, name) is extent)
    ended = ENDS.get(crash.ended, crash.ended) if crash else WENT_ON
    return Found(standing.flow, stage, _messages(standing), standing.command, ended)


def _messages(standing: Standing) -> str:
    shown, printed = (set() if text == "none" else set(text) for text in (standing.shown, standing.printed))
    lost = " ".join(sorted(printed - shown))
    return " ".join(sorted(shown)) + (f"{lost} lost" if lost else "") or "-"


def _lost(record: Record) -> int:
    return int(record["keys"].get("gone", 0))


def _order(record: Record) -> tuple[Any, ...]:
    found, rank = _found(record), -list(ProcedureResult).index(answer(record))
    if not found:
        return rank, ""
    return rank, found.flow, -found.stage, found.messages, found.command, found.ended
