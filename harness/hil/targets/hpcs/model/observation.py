"""What the oracle saw, and what follows from it.

The seeing needs a living instance; the judging is a pure function of what was seen, so that stored evidence
can be judged again when the judging has changed.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Self

from hil.model.scenario import Finding, KeyCount
from hil.model.verdicts import Verdict
from hil.targets.hpcs.model.registers import EMPTY, VALID, Register, UnitRegisters


@dataclass(frozen=True)
class RowProblem:
    """One row of the key store that is not as the ledger knows it."""

    key_id: str
    version: int
    text: str


@dataclass(frozen=True)
class Observation:
    """Everything that a verdict rests on; ``before`` and ``after`` are registers of all units.

    ``unreadable``: rows that some operational unit does not read with CURRENT; ``reachable``: those of them
    that another register or another unit still opens. ``stray_rows``: rows that name another master key than
    CURRENT; ``secrets``: where key bytes stand in clear; ``workload``: what failed of ordinary use, None
    where it was not tried because other things failed; ``usable``: how many keys serve then, None where the
    workload was tried.
    """

    keys: int
    missing: tuple[RowProblem, ...]
    strangers: tuple[RowProblem, ...]
    unreadable: tuple[RowProblem, ...]
    stray_rows: int
    before: tuple[UnitRegisters, ...]
    after: tuple[UnitRegisters, ...]
    secrets: tuple[str, ...]
    workload: tuple[str, ...] | None
    reachable: tuple[RowProblem, ...] = ()
    usable: int | None = None

    def record(self) -> dict[str, Any]:
        """Return the content of observation.json."""
        return asdict(self)

    @classmethod
    def from_record(cls, value: dict[str, Any]) -> Self:
        """Read what ``record`` returned; raises KeyError or TypeError where it is something else."""
        workload = value["workload"]
        return cls(
            keys=value["keys"],
            missing=_rows(value["missing"]),
            strangers=_rows(value["strangers"]),
            unreadable=_rows(value["unreadable"]),
            stray_rows=value["stray_rows"],
            before=_units(value["before"]),
            after=_units(value["after"]),
            secrets=tuple(value["secrets"]),
            workload=None if workload is None else tuple(workload),
            reachable=_rows(value.get("reachable", [])),
            usable=value.get("usable"),
        )


@dataclass(frozen=True)
class OracleJudgement:
    """A verdict with every check that did not hold."""

    verdict: Verdict
    keys: KeyCount
    findings: tuple[Finding, ...]


def judge(seen: Observation) -> OracleJudgement:
    """Judge what was seen. Data that is gone outranks an instance that does not work."""
    lost = [Finding("rows" if row in seen.missing else "readable", row.text) for row in _lost(seen)]
    broken = [
        *(Finding("reach", row.text) for row in seen.reachable),
        *(Finding("rows", row.text) for row in seen.strangers),
        *_registers(seen),
        *_row_ids(seen),
        *(Finding("secrets", f"key bytes in clear in {where}") for where in seen.secrets),
        *(Finding("workload", text) for text in seen.workload or ()),
    ]
    gone = {row.key_id for row in _lost(seen)}
    damaged = gone | {row.key_id for row in seen.reachable}
    verdict = Verdict.DATA_LOST if lost else Verdict.STUCK if broken else Verdict.RECOVERED
    keys = KeyCount(seen.keys, seen.keys - len(damaged), len(gone), seen.usable)
    return OracleJudgement(verdict, keys, (*lost, *broken))


def _lost(seen: Observation) -> tuple[RowProblem, ...]:
    """Rows that nothing can bring back: missing, or opened by no register of any unit."""
    within_reach = {(row.key_id, row.version) for row in seen.reachable}
    gone = (row for row in seen.unreadable if (row.key_id, row.version) not in within_reach)
    return (*seen.missing, *gone)


def _registers(seen: Observation) -> Iterator[Finding]:
    for unit in seen.after:
        if unit.current.state != VALID:
            yield Finding("registers", f"unit {unit.number}: CURRENT is {unit.current.state}")
        if unit.new.state != EMPTY:
            yield Finding("registers", f"unit {unit.number}: NEW is {unit.new.state}")
    patterns = {unit.current.identity for unit in seen.after}
    if len(patterns) > 1:
        yield Finding("registers", f"CURRENT registers hold {len(patterns)} different patterns")
    if patterns & {unit.current.identity for unit in seen.before}:
        yield Finding("registers", "the master key before the rotation is still in a CURRENT register")


def _row_ids(seen: Observation) -> Iterator[Finding]:
    if seen.stray_rows:
        yield Finding("row ids", f"{seen.stray_rows} rows do not name the CURRENT master key")


def _rows(values: list[dict[str, Any]]) -> tuple[RowProblem, ...]:
    return tuple(RowProblem(**row) for row in values)


def _units(values: list[dict[str, Any]]) -> tuple[UnitRegisters, ...]:
    return tuple(
        UnitRegisters(unit["number"], unit["type"], Register(**unit["current"]), Register(**unit["new"]))
        for unit in values
    )


def conclude(
    judgement: OracleJudgement, expected: Verdict, *, stuck: str, fired: tuple[bool, ...]
) -> tuple[Verdict, tuple[Finding, ...]]:
    """Return the verdict of a scenario and its findings.

    ``stuck`` is why the operator had no answer, or empty. A fault that did not strike makes the scenario
    void, except that data which was lost all the same is never hidden by that.
    """
    findings = judgement.findings
    if stuck:
        findings = (Finding("procedure", stuck), *findings)
    lost = judgement.verdict is Verdict.DATA_LOST
    if not all(fired) and not (lost and expected is not Verdict.DATA_LOST):
        return Verdict.NOT_FIRED, findings
    if stuck and judgement.verdict is Verdict.RECOVERED:
        return Verdict.STUCK, findings
    return judgement.verdict, findings
