"""A campaign on a system under test in lines, as summary.md and as junit.xml."""

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from hil.model.judging import UNGROUNDED
from hil.model.verdicts import Gate, Verdict
from hil.report.console import GATES, MARKS, nothing, report
from hil.report.junit import ROOT, UNFINISHED, counts, outcome, written
from hil.report.markdown import code, table
from hil.targets.program.stored import SutRun

Record = dict[str, Any]
LISTED_MAX = 20
GROUPED = ("keys at the crash", "then", "verdict", "scenarios", "for example")


def line(done: int, planned: int, record: Record) -> str:
    """Return the line of one scenario."""
    how = " -> ".join(record["recovery"]) or "nothing to do"
    return (
        f"[{done:>{len(str(planned))}}/{planned}] {MARKS[record['as_documented']]} {record['verdict']:<9} "
        f"{_keys(record):<9} {record['id']}  {how}  {record['seconds']:.1f} s"
    )


def closing(campaign: Record, folder: Path, profile: Path) -> Iterator[str]:
    """Yield what went wrong and how to see it again, then counts and the gate."""
    wrong = _wrong(campaign["scenarios"])
    for record in wrong[:LISTED_MAX]:
        yield f"not as documented: {record['verdict']}, expected {record['expected']}: {record['id']}"
        yield from (f"  {text}" for text in _why(record))
        yield f"  again: {again(profile, record)}"
    if len(wrong) > LISTED_MAX:
        yield f"... and {len(wrong) - LISTED_MAX} more that are not as documented, see results.jsonl"
    yield from (f"not repeatable: two plays of {name} differ" for name in campaign["audit"]["differing"])
    yield from map(nothing, campaign["untried"])
    points = campaign["crash_points"]
    verdicts = ", ".join(f"{number} {name}" for name, number in campaign["verdicts"].items() if number)
    yield (
        f"{verdicts}; {points['fired']} of {points['enumerated']} faults fired, "
        f"{campaign['crash_states']} different crash states"
    )
    yield f"{len(campaign['scenarios'])} scenarios in {campaign['seconds']:.1f} s, evidence in {folder}"
    yield GATES[Gate(campaign["gate"])]
    yield from report(folder)


def groups(records: Iterable[Record]) -> list[tuple[tuple[str, str, str], list[Record]]]:
    """Group results by what the check saw at the crash, what the operator did then, and the verdict."""
    found: dict[tuple[str, str, str], list[Record]] = {}
    for record in records:
        rows = record["state_at_crash"]["rows"]
        seen = {"old": rows["current"], "new": rows["new"], "gone": rows["unreadable"]}
        state = ", ".join(f"{number} {name}" for name, number in seen.items() if number)
        then = code(record["recovery"]) or "nothing"
        found.setdefault((state, then, record["verdict"]), []).append(record)
    return list(found.items())


def summary(run: SutRun) -> str:
    """Return summary.md of a run directory, finished or not."""
    return "\n".join(_summary(run)).rstrip() + "\n"


def _summary(run: SutRun) -> Iterator[str]:
    records = list(run.records.values())
    faults = [fault["fired"] for record in records for fault in record["faults"]]
    yield f"# {GATES[Gate(run.head['gate'])] if run.head else UNFINISHED}"
    yield ""
    yield from (f"- {nothing(why)}" for why in run.judged.untried)
    yield ""
    yield (
        f"{run.profile.name}: {len(records)} of {len(run.plan)} scenarios, {sum(faults)} of {len(faults)} "
        f"faults fired{_size(run.head)}."
    )
    yield ""
    rows = [(*cells, len(ours), code([ours[0]["id"]])) for cells, ours in groups(records)]
    yield from table(GROUPED, rows)
    wrong = _wrong(records)
    if wrong:
        yield "## Not as documented"
        yield ""
    for record in wrong:
        yield f"- {record['verdict']}, expected {record['expected']}: `{record['id']}`"
        yield from (f"  - {text}" for text in _why(record))
        yield f"  - `{again(run.profile.path, record)}`"


def _size(head: Record) -> str:
    """Return what is known of a finished campaign only."""
    version = f", {head['sut']['version']}" if head and head["sut"]["version"] else ""
    return f", {head['keys']} keys, {head['seconds']:.0f} s{version}" if head else ""


def document(run: SutRun) -> str:
    """Return junit.xml of a run directory, finished or not: one case a scenario, and one for the gate."""
    name = f"{ROOT}.{run.profile.name}"
    cases = [*(_case(name, record) for record in run.records.values()), _gate(run, name)]
    root = ET.Element("testsuites", {"name": ROOT})
    suite = ET.SubElement(root, "testsuite", {"name": name, **counts(cases)})
    suite.extend(cases)
    root.attrib |= {key: count for key, count in counts(cases).items() if key != "skipped"}
    return written(root)


def _gate(run: SutRun, suite: str) -> ET.Element:
    gate = ET.Element("testcase", {"classname": suite, "name": "gate", "time": "0.000"})
    if not run.head:
        outcome(gate, "error", "unfinished", UNFINISHED, ())
    elif run.head["gate"] != Gate.PASS:
        tag = "error" if run.head["gate"] == Gate.ERROR else "failure"
        differing = (f"two plays of {one} differ" for one in run.differing)
        reasons = (*map(nothing, run.judged.untried), *differing)
        outcome(gate, tag, run.head["gate"], GATES[Gate(run.head["gate"])], reasons)
    return gate


def _case(suite: str, record: Record) -> ET.Element:
    case = ET.Element(
        "testcase", {"classname": suite, "name": record["id"], "time": f"{record['seconds']:.3f}"}
    )
    if record.get(UNGROUNDED):
        outcome(case, "failure", Gate.INCONCLUSIVE, nothing(record[UNGROUNDED]), _why(record))
    elif not record["as_documented"]:
        message = f"{record['verdict']}, expected {record['expected']}; {_keys(record)}"
        tag = "error" if record["verdict"] == Verdict.HARNESS_ERROR else "failure"
        outcome(case, tag, record["verdict"], message, _why(record))
    return case


def _wrong(records: Iterable[Record]) -> list[Record]:
    """Return what speaks against the documentation: no rotation that fails with nobody killed."""
    return [record for record in records if not (record["as_documented"] or record.get(UNGROUNDED))]


def _why(record: Record) -> Iterator[str]:
    yield from (f"{finding['check']}: {finding['text']}" for finding in record["findings"][:5])
    if record["stuck"]:
        yield f"stuck: {record['stuck']}"


def _keys(record: Record) -> str:
    return f"{record['keys']['readable']}/{record['keys']['total']} keys"


def again(profile: Path, record: Record) -> str:
    """Return the command that plays a scenario of a profile again."""
    return shlex.join(["hil", "sut", "run", str(profile), "--only", record["id"]])
