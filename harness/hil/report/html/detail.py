"""Everything that the view of one scenario shows, as data."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hil.report.html.campaign import Record
from hil.report.html.lanes import lanes
from hil.report.html.words import happens
from hil.targets.hpcs.emulator import FAILED
from hil.targets.hpcs.model.evidence import MESSAGE_1, MESSAGE_2
from hil.targets.hpcs.model.rules import Procedure
from hil.targets.hpcs.report.evidence import ScenarioEvidence, Unit
from hil.targets.hpcs.report.rotation import RotationView
from hil.targets.hpcs.report.violation import violation

FINDINGS_MAX = 12
LINES_MAX = 400


def detail(campaign: RotationView, number: int, *, with_events: bool = True) -> Record:
    """Return the detail of one scenario that has a result."""
    scenario, record = campaign.plan[number - 1], campaign.records[number]
    procedure = campaign.procedure(scenario.procedure)
    evidence = ScenarioEvidence.read(campaign.folder(number))
    moment = violation(record, evidence.after, evidence.events)
    findings = record["findings"]
    return {
        "claim": campaign.claim(number),
        "replay": campaign.replay(number),
        "faults": [
            [happens(fault), told["fired"]]
            for fault, told in zip(scenario.faults, record["faults"], strict=True)
        ],
        "state": record.get("state", ""),
        "outcome": [record.get("outcome"), record.get("expected_outcome")],
        "rules": [[name, _source(procedure, name)] for name in record["rules"]],
        "stuck": record["stuck"],
        "findings": [[one["check"], one["text"]] for one in findings[:FINDINGS_MAX]],
        "more": max(0, len(findings) - FINDINGS_MAX),
        "registers": _registers(record, evidence),
        "rows": _rows(record, evidence),
        "transcript": [list(line) for line in marked(evidence.transcript[-LINES_MAX:])],
        "cut": max(0, len(evidence.transcript) - LINES_MAX),
        "moment": moment.text if moment else "",
        "lanes": lanes(campaign.results[number], evidence.events, moment) if with_events else None,
        "kept": evidence.kept,
        "files": evidence.files,
    }


def _source(procedure: Procedure | None, name: str) -> str:
    return next((rule.source for rule in (procedure.rules if procedure else ()) if rule.name == name), "")


def marked(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield lines of a transcript with what they are: a command, a message, a failure, or nothing special."""
    for line in lines:
        if line.startswith("$ "):
            yield line, "typed"
        elif MESSAGE_1.search(line):
            yield line, "message 1"
        elif MESSAGE_2.search(line):
            yield line, "message 2"
        else:
            yield line, "failed" if line == FAILED else ""


def _registers(record: Mapping[str, Any], evidence: ScenarioEvidence) -> list[Record]:
    """Return a row for each unit: its registers before, at the crash and after.

    A register is state, pattern, key (``old``, ``new`` or nothing) and whether it has changed since.
    """
    crash = record["state_at_crash"]["units"] if record["state_at_crash"] else ()
    times = (evidence.before, crash, evidence.after)
    known = {unit["number"]: unit["type"] for units in times for unit in units}
    old = {unit["current"] for unit in evidence.before}
    return [
        {
            "unit": number,
            "type": known[number],
            "times": _at_times([_of(units, number) for units in times], old),
        }
        for number in sorted(known)
    ]


def _of(units: Sequence[Unit], number: int) -> Unit | None:
    return next((unit for unit in units if unit["number"] == number), None)


def _at_times(times: Sequence[Unit | None], old: set[str | None]) -> list[list[list[Any]] | None]:
    cells: list[list[list[Any]] | None] = []
    last: Unit | None = None
    for unit in times:
        cells.append([_cell(unit, last, name, old) for name in ("current", "new")] if unit else None)
        last = unit or last
    return cells


def _cell(unit: Unit, last: Unit | None, name: str, old: set[str | None]) -> list[Any]:
    pattern = unit[name]
    state = unit.get(f"{name}_state") or ("Valid" if pattern else "Empty")
    changed = last is not None and (pattern != last[name] or state != _state(last, name))
    key = "" if pattern is None else "old" if pattern in old else "new"
    return [state, pattern or "", key, changed]


def _state(unit: Unit, name: str) -> str:
    state: str = unit.get(f"{name}_state") or ("Valid" if unit[name] else "Empty")
    return state


def _rows(record: Mapping[str, Any], evidence: ScenarioEvidence) -> list[list[Any]]:
    """Return moments with their rows under CURRENT, under NEW, and unreadable."""
    if not record["state_at_crash"]:
        return []
    rows = record["state_at_crash"]["rows"]
    counted = [rows["current"], rows["new"], rows["unreadable"]]
    moments = [["before", [sum(counted), 0, 0]], ["at the crash", counted]]
    if evidence.after:
        gone = evidence.rows_gone
        moments.append(["after", [sum(counted) - gone, 0, gone]])
    return moments
