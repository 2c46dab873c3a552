"""junit.xml, in the common form that Jenkins, GitHub's and GitLab's readers share.

One suite a flow and procedure, one test case a scenario, named by its id. A verdict that is not the expected
one is a failure, a failure of the bench an error; a fault that did not fire is a failure of the type
NOT_FIRED. Nothing is ever `skipped`: readers count that as harmless. Each probe is a case too. One more, the
gate, stands for the campaign as a whole, so that the file is green exactly where the exit code is 0.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from hil.engine.stored import Stored
from hil.model.scenario import Result
from hil.model.verdicts import Gate, Verdict
from hil.report.console import GATES, again, ended, followed_nothing, nothing

ROOT = "hil"
PROBES = f"{ROOT}.probes"
FINDINGS_MAX = 20
UNFINISHED = "UNFINISHED: the campaign did not come to its end"
DIFFERS = "NOT_REPEATABLE"
# What XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(stored: Stored) -> str:
    """Return the text of junit.xml for a run directory, finished or not."""
    suites: dict[str, list[ET.Element]] = defaultdict(list)
    differing = set(stored.differing)
    for number, result in sorted(stored.results.items()):
        name = f"{ROOT}.{result.scenario.flow}.{result.scenario.procedure}"
        suites[name].append(_case(stored, number, result, name, result.scenario.id in differing))
    for probe in stored.head.get("probes", ()):
        suites[PROBES].append(_probe(probe))
    gate = f"{ROOT}.campaign"
    suites[gate].append(_gate(stored, gate))
    root = ET.Element("testsuites", {"name": ROOT})
    for name, cases in suites.items():
        suite = ET.SubElement(root, "testsuite", {"name": name, **counts(cases)})
        suite.extend([*_properties(stored), *cases])
    everything = [case for cases in suites.values() for case in cases]
    # The common schema has no such count on the outermost element.
    root.attrib |= {key: count for key, count in counts(everything).items() if key != "skipped"}
    return written(root)


def written(root: ET.Element) -> str:
    """Return the text of the file."""
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def counts(cases: Sequence[ET.Element]) -> dict[str, str]:
    """Return the attributes of a suite that count its cases."""
    return {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(sum(case.find("error") is not None for case in cases)),
        "skipped": "0",
        "time": f"{sum(float(case.attrib['time']) for case in cases):.3f}",
    }


def _properties(stored: Stored) -> Iterator[ET.Element]:
    """Yield what ran, as far as campaign.json tells."""
    known = {
        name: stored.head[name] for name in ("profile", "backend", "shard", "keys") if name in stored.head
    }
    if known:
        properties = ET.Element("properties")
        for name, value in known.items():
            ET.SubElement(properties, "property", {"name": name, "value": str(value)})
        yield properties


def _case(stored: Stored, number: int, result: Result, suite: str, differs: bool) -> ET.Element:  # noqa: FBT001
    name = {"classname": suite, "name": result.scenario.id, "time": f"{result.seconds:.3f}"}
    case = ET.Element("testcase", name)
    if result.verdict is Verdict.HARNESS_ERROR:
        outcome(case, "error", result.verdict, _message(result), _findings(result))
    elif not result.as_documented:
        kind = result.verdict if result.foreseen else f"{result.outcome}"
        outcome(case, "failure", kind, _message(result), _findings(result))
    elif differs:
        difference = stored.scenario_folder(number) / "difference.txt"
        text = difference.read_text().splitlines() if difference.exists() else ()
        outcome(case, "failure", DIFFERS, "inconclusive: two plays of this scenario differ", text)
    ET.SubElement(case, "system-out").text = _clean("\n".join(_account(stored, number, result)))
    return case


def outcome(case: ET.Element, tag: str, kind: str, message: str, lines: Iterable[str]) -> None:
    """Say that a case has failed, or that the bench has: ``tag`` is ``failure`` or ``error``."""
    element = ET.SubElement(case, tag, {"type": kind, "message": _clean(message)})
    element.text = _clean("\n".join((message, *lines)))


def _message(result: Result) -> str:
    if result.verdict is Verdict.NOT_FIRED:
        missed = (
            fault.id for fault, fired in zip(result.scenario.faults, result.fired, strict=True) if not fired
        )
        return f"inconclusive: {', '.join(missed)} did not fire"
    keys = f"{result.keys.readable} of {result.keys.total} keys readable"
    return f"{ended(result)}; {keys}"


def _findings(result: Result) -> Iterator[str]:
    yield from (f"{finding.check}: {finding.text}" for finding in result.findings[:FINDINGS_MAX])
    if len(result.findings) > FINDINGS_MAX:
        yield f"... and {len(result.findings) - FINDINGS_MAX} more, see verdict.json"


def _account(stored: Stored, number: int, result: Result) -> Iterator[str]:
    """Yield what an operator did and what came of it, and where to read on."""
    if result.as_documented and result.verdict is Verdict.DATA_LOST:
        yield f"loss confirmed, as documented: {result.keys.loss}"
    yield f"recovery: {' -> '.join(result.recovery) or followed_nothing(result, 'nothing to do')}"
    yield f"rules: {'; '.join(result.rules) or 'none'}"
    yield f"keys readable: {result.keys.left}"
    yield f"evidence: {stored.scenario_folder(number)}"
    yield again(result, stored.path)


def _probe(probe: dict[str, Any]) -> ET.Element:
    """Return the case of one thing that an instance was asked beside the scenarios."""
    case = ET.Element("testcase", {"classname": PROBES, "name": probe["name"], "time": "0.000"})
    if not probe["passed"]:
        tag = "failure" if probe.get("tried", True) else "error"
        outcome(case, tag, "probe", probe["detail"], ())
    return case


def _gate(stored: Stored, suite: str) -> ET.Element:
    """Return the case of the whole campaign."""
    case = ET.Element("testcase", {"classname": suite, "name": "gate", "time": "0.000"})
    if not stored.head:
        outcome(case, "error", "unfinished", UNFINISHED, _reasons(stored))
        return case
    gate = Gate(stored.head["gate"])
    if gate is not Gate.PASS:
        tag = "error" if gate is Gate.ERROR else "failure"
        outcome(case, tag, str(gate), GATES[gate], _reasons(stored))
    return case


def _reasons(stored: Stored) -> Iterator[str]:
    """Yield what else than the verdict of a scenario may have decided the gate."""
    head = stored.head
    yield from map(nothing, head.get("untried", ()))
    yield f"{len(stored.results)} of {stored.planned} scenarios have a result"
    yield from (
        f"not as the second opinion predicts: {one}" for one in head.get("model", {}).get("differ", ())
    )
    yield from (f"promised and not played: {one}" for one in head.get("controls", {}).get("missing", ()))
    for probe in head.get("probes", ()):
        if not probe["passed"]:
            yield f"probe {'failed' if probe.get('tried', True) else 'not tried'}: {probe['name']}"


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
