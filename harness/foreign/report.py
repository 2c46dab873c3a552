"""A campaign on a system under test in lines, as summary.md and as junit.xml, made of campaign.json."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from harness.model.verdicts import Gate, Verdict
from harness.report.console import GATES, MARKS
from harness.report.markdown import code, table

Record = dict[str, Any]
LISTED_MAX = 20


def line(done: int, planned: int, record: Record) -> str:
    """Return the line of one scenario."""
    how = " -> ".join(record["recovery"]) or "nothing to do"
    return (
        f"[{done:>{len(str(planned))}}/{planned}] {MARKS[record['as_documented']]} {record['verdict']:<9} "
        f"{_keys(record):<9} {record['id']}  {how}  {record['seconds']:.1f} s"
    )


def closing(campaign: Record, folder: Path, profile: Path) -> Iterator[str]:
    """Yield what went wrong and how to see it again, then counts and the gate."""
    wrong = [record for record in campaign["scenarios"] if not record["as_documented"]]
    for record in wrong[:LISTED_MAX]:
        yield f"not as documented: {record['verdict']}, expected {record['expected']}: {record['id']}"
        yield from (f"  {text}" for text in _why(record))
        yield f"  again: {_again(record, profile)}"
    if len(wrong) > LISTED_MAX:
        yield f"... and {len(wrong) - LISTED_MAX} more that are not as documented, see results.jsonl"
    yield from (f"not repeatable: two plays of {name} differ" for name in campaign["audit"]["differing"])
    points = campaign["crash_points"]
    verdicts = ", ".join(f"{number} {name}" for name, number in campaign["verdicts"].items() if number)
    yield (
        f"{verdicts}; {points['fired']} of {points['enumerated']} faults fired, "
        f"{campaign['crash_states']} different crash states"
    )
    yield f"{len(campaign['scenarios'])} scenarios in {campaign['seconds']:.1f} s, evidence in {folder}"
    yield GATES[Gate(campaign["gate"])]


def summary(campaign: Record, profile: Path) -> str:
    """Return summary.md."""
    return "\n".join(_summary(campaign, profile)).rstrip() + "\n"


def _summary(campaign: Record, profile: Path) -> Iterator[str]:
    records = campaign["scenarios"]
    points = campaign["crash_points"]
    yield f"# {GATES[Gate(campaign['gate'])]}"
    yield ""
    yield (
        f"{campaign['profile']}: {len(records)} scenarios, {points['fired']} of {points['enumerated']} "
        f"faults fired, {campaign['keys']} keys, {campaign['seconds']:.0f} s."
    )
    yield ""
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        crash = record["state_at_crash"]["rows"]
        state = ", ".join(f"{number} {name}" for name, number in crash.items() if number)
        groups.setdefault((state, code(record["recovery"]) or "nothing", record["verdict"]), []).append(
            record
        )
    rows = [(*key, len(ours), code([ours[0]["id"]])) for key, ours in groups.items()]
    yield from table(("keys at the crash", "then", "verdict", "scenarios", "for example"), rows)
    wrong = [record for record in records if not record["as_documented"]]
    if wrong:
        yield "## Not as documented"
        yield ""
    for record in wrong:
        yield f"- {record['verdict']}, expected {record['expected']}: `{record['id']}`"
        yield from (f"  - {text}" for text in _why(record))
        yield f"  - `{_again(record, profile)}`"


def junit(campaign: Record) -> str:
    """Return junit.xml: one case a scenario, and one for the gate."""
    name = f"hil.{campaign['profile']}"
    cases = [_case(name, record) for record in campaign["scenarios"]]
    gate = ET.Element("testcase", {"classname": name, "name": "gate", "time": "0.000"})
    if campaign["gate"] != Gate.PASS:
        tag = "error" if campaign["gate"] == Gate.ERROR else "failure"
        ET.SubElement(gate, tag, {"type": campaign["gate"], "message": GATES[Gate(campaign["gate"])]})
    cases.append(gate)
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(sum(case.find("error") is not None for case in cases)),
        "time": f"{sum(float(case.attrib['time']) for case in cases):.3f}",
    }
    root = ET.Element("testsuites", {"name": "hil", **counts})
    ET.SubElement(root, "testsuite", {"name": name, "skipped": "0", **counts}).extend(cases)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _case(suite: str, record: Record) -> ET.Element:
    name = {"classname": suite, "name": record["id"], "time": f"{record['seconds']:.3f}"}
    case = ET.Element("testcase", name)
    if not record["as_documented"]:
        message = f"{record['verdict']}, expected {record['expected']}; {_keys(record)}"
        tag = "error" if record["verdict"] == Verdict.HARNESS_ERROR else "failure"
        child = ET.SubElement(case, tag, {"type": record["verdict"], "message": message})
        child.text = "\n".join(_why(record))
    return case


def _why(record: Record) -> Iterator[str]:
    yield from (f"{finding['check']}: {finding['text']}" for finding in record["findings"][:5])
    if record["stuck"]:
        yield f"stuck: {record['stuck']}"


def _keys(record: Record) -> str:
    return f"{record['keys']['readable']}/{record['keys']['total']} keys"


def _again(record: Record, profile: Path) -> str:
    return f"hil sut run {shlex.quote(str(profile))} --only {shlex.quote(record['id'])}"
