"""junit.xml: what its readers (Jenkins, GitHub, GitLab) make of verdicts, and the form they expect."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from hil.engine.rundir import RunDir
from hil.engine.stored import Stored
from hil.model.outcome import Outcome
from hil.model.scenario import Finding, KeyCount, Result, Scenario, not_judged
from hil.model.verdicts import Gate, Verdict, gate
from hil.report import junit
from hil.report.write import write_all

Document = Callable[..., ET.Element]

# The schema that Jenkins publishes for its readers: attributes, and children in any order.
SCHEMA: dict[str, tuple[set[str], set[str], set[str]]] = {
    # element: attributes that must be there, that may be there, children
    "testsuites": (set(), {"name", "time", "tests", "failures", "disabled", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests"},
        {"failures", "errors", "time", "disabled", "skipped", "timestamp", "hostname", "id", "package"},
        {"properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": (
        {"name", "classname"},
        {"assertions", "time", "status"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "failure": (set(), {"type", "message"}, set()),
    "error": (set(), {"type", "message"}, set()),
    "system-out": (set(), set(), set()),
}


HEAD = {
    "profile": "smoke",
    "backend": "process",
    "keystore": "sqlite",
    "shard": "1/1",
    "units": {"operational": 1, "recovery": 1, "failover": 0},
    "keys": 4,
    "seconds": 1.5,
    "scenarios_per_second": 2.0,
    "verdicts": {},
    "crash_points": {"enumerated": 1, "fired": 1},
    "audit": {"every": 20, "differing": []},
}


def _result(text: str, verdict: Verdict, expected: Verdict = Verdict.RECOVERED) -> Result:
    """A result of four keys, of which one is lost where the verdict says so."""
    scenario = Scenario.parse(text, expected)
    return replace(
        not_judged(scenario, "documented", "because"),
        verdict=verdict,
        fired=tuple(verdict is not Verdict.NOT_FIRED for _ in scenario.faults),
        keys=KeyCount(4, 3, 1, 2) if verdict is Verdict.DATA_LOST else KeyCount(4, 4),
        seconds=0.25,
    )


GOOD = _result("auto/tke@commit.1-after/documented", Verdict.RECOVERED)
CONTROL = _result("auto/kms@C_WrapKey.6-after/rerun-after-message-1", Verdict.DATA_LOST, Verdict.DATA_LOST)
LOST = _result("auto/tke@setimm.1-after/documented", Verdict.DATA_LOST)
STUCK = _result("parts/tke@load.1-after/documented", Verdict.STUCK)
MISSED = _result("auto/tke@setimm.9-after/documented", Verdict.NOT_FIRED)
BROKEN = _result("auto/unit1@setimm.1-after/documented", Verdict.HARNESS_ERROR)
SPARED = _result("auto/tke@rewrap.1-after/rerun-after-message-1", Verdict.RECOVERED, Verdict.DATA_LOST)


@pytest.fixture
def document(tmp_path: Path) -> Document:
    """Write a run directory of these results, by default finished, and return its junit.xml."""

    def make(
        *results: Result,
        finished: bool = True,
        differing: tuple[str, ...] = (),
        head: Mapping[str, Any] | None = None,
    ) -> ET.Element:
        rundir = RunDir.create(tmp_path / "run")
        rundir.write_plan(result.scenario for result in results)
        for number, result in enumerate(results, start=1):
            rundir.add_result(number, result)
            if result.scenario.id in differing:
                rundir.write_difference(number, ["-first", "+second"])
        if finished:
            pairs = [(result.verdict, result.scenario.expected) for result in results]
            whole = gate(pairs, len(results), repeatable=not differing)
            records = rundir.results()
            rundir.write_campaign(
                HEAD | {"gate": whole, "planned": len(results), "total": len(results)} | dict(head or {}),
                [records[number] for number in sorted(records)],
            )
        return ET.fromstring(junit.document(Stored.read(rundir.path)))  # noqa: S314 - made just here

    return make


def _case(root: ET.Element, name: str) -> ET.Element:
    (case,) = [case for case in root.iter("testcase") if case.attrib["name"] == name]
    return case


def _outcomes(root: ET.Element) -> dict[str, tuple[str, str]]:
    """Tag and type of every case that is not green."""
    return {
        case.attrib["name"]: (child.tag, child.attrib["type"])
        for case in root.iter("testcase")
        for child in case
        if child.tag != "system-out"
    }


def test_verdicts(document: Document) -> None:
    """Contradictions and missed faults are failures, a broken bench is an error, nothing is skipped."""
    root = document(GOOD, CONTROL, LOST, STUCK, MISSED, BROKEN, SPARED)
    assert _outcomes(root) == {
        LOST.scenario.id: ("failure", "DATA_LOST"),
        STUCK.scenario.id: ("failure", "STUCK"),
        MISSED.scenario.id: ("failure", "NOT_FIRED"),
        BROKEN.scenario.id: ("error", "HARNESS_ERROR"),
        SPARED.scenario.id: ("failure", "RECOVERED"),
        "gate": ("failure", "fail"),
    }
    assert {name: root.attrib[name] for name in ("tests", "failures", "errors")} == {
        "tests": "8",
        "failures": "5",
        "errors": "1",
    }


def test_expected_loss_is_green_and_says_so(document: Document) -> None:
    """A control that lost its keys as predicted passes, with a note of what was lost."""
    root = document(GOOD, CONTROL)
    assert _outcomes(root) == {}
    note = _case(root, CONTROL.scenario.id).findtext("system-out", "")
    assert "loss confirmed, as documented: 1 of 4 keys, 2 of the other 3 can be used" in note
    assert "loss confirmed" not in _case(root, GOOD.scenario.id).findtext("system-out", "")


@pytest.mark.parametrize(
    ("results", "differing", "finished"),
    [
        ((GOOD, CONTROL), (), True),
        ((GOOD, CONTROL), (), False),
        ((GOOD,), (GOOD.scenario.id,), True),
        ((GOOD, LOST), (), True),
        ((GOOD, MISSED), (), True),
        ((GOOD, BROKEN), (), True),
        ((), (), True),
    ],
)
def test_green_is_pass(
    document: Document, results: tuple[Result, ...], differing: tuple[str, ...], *, finished: bool
) -> None:
    """The file is green exactly where the campaign has come to its end with the gate `pass`."""
    root = document(*results, differing=differing, finished=finished)
    pairs = [(result.verdict, result.scenario.expected) for result in results]
    passed = finished and gate(pairs, len(results), repeatable=not differing) is Gate.PASS
    assert (not _outcomes(root)) is passed
    assert (root.attrib["failures"] == root.attrib["errors"] == "0") is passed


def test_probes(document: Document) -> None:
    """Each probe is a case, one that failed a failure with what it found, one that was not tried an error."""
    probes = [
        {"name": "bearer", "passed": True, "detail": "refused"},
        {"name": "replay", "passed": False, "detail": "a replayed command was taken"},
        {"name": "open rotation", "passed": False, "detail": "could not be tried", "tried": False},
    ]
    root = document(GOOD, head={"gate": "fail", "probes": probes})
    assert _outcomes(root) == {
        "replay": ("failure", "probe"),
        "open rotation": ("error", "probe"),
        "gate": ("failure", "fail"),
    }
    assert "a replayed command was taken" in _case(root, "replay").findtext("failure", "")
    assert _case(root, "bearer").attrib["classname"] == "hil.probes"


def test_reasons_beside_the_verdicts(document: Document) -> None:
    """Where the second opinion differs, or a promised control is missing, the gate's case says so."""
    differ, missing = GOOD.scenario.id, "every control of kind misread"
    head = {"gate": "fail", "model": {"differ": [differ]}, "controls": {"missing": [missing]}}
    text = _case(document(GOOD, head=head), "gate").findtext("failure", "")
    assert f"not as the second opinion predicts: {differ}" in text
    assert f"promised and not played: {missing}" in text


def test_an_outcome_that_nobody_predicted(document: Document) -> None:
    """A verdict as expected with another outcome is a failure of that outcome's name."""
    spared = replace(GOOD, outcome=Outcome.PRESERVED, expected_outcome=Outcome.REFUSED)
    root = document(spared, head={"gate": "fail"})
    assert _outcomes(root)[GOOD.scenario.id] == ("failure", "PRESERVED")
    message = _case(root, GOOD.scenario.id).findtext("failure", "")
    assert message.startswith("PRESERVED, expected REFUSED")


def test_unfinished(document: Document) -> None:
    """A campaign that was broken off is an error, with how far it came."""
    gate_case = _case(document(GOOD, finished=False), "gate")
    assert "1 of 1 scenarios have a result" in gate_case.findtext("error", "")


def test_plays_that_differ(document: Document) -> None:
    """A scenario whose two plays differ is a failure that shows where they part."""
    case = _case(document(GOOD, differing=(GOOD.scenario.id,)), GOOD.scenario.id)
    assert "+second" in case.findtext("failure", "")


def test_form(document: Document) -> None:
    """Elements and attributes are those of the common schema, and the counts are right."""
    root = document(GOOD, CONTROL, LOST, MISSED, BROKEN)
    for element in root.iter():
        must, may, children = SCHEMA[element.tag]
        assert must <= element.attrib.keys() <= must | may, element.tag
        assert {child.tag for child in element} <= children
    for suite in root.iter("testsuite"):
        cases = suite.findall("testcase")
        assert suite.attrib["tests"] == str(len(cases))
        assert suite.attrib["failures"] == str(len(suite.findall("testcase/failure")))
        assert suite.attrib["errors"] == str(len(suite.findall("testcase/error")))
        assert all(case.attrib["classname"] == suite.attrib["name"] for case in cases)


def test_characters_that_xml_cannot_hold(document: Document) -> None:
    """Colours and zero bytes of a program's output do not make the file unreadable."""
    bad = replace(LOST, findings=(Finding("bench", "\x1b[31mred\x00 <&> \ud800"),))
    text = _case(document(bad), LOST.scenario.id).findtext("failure", "")
    assert "[31mred" in text
    assert "<&>" in text


def test_nothing_planned_yet(tmp_path: Path) -> None:
    """A campaign that was broken off before it had a plan gets no report, and no complaint."""
    rundir = RunDir.create(tmp_path / "run")
    assert write_all(rundir.path) == ()
    assert not (rundir.path / "junit.xml").exists()


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    """What stands in the way of a report is told in a line; it is no failure of the campaign."""
    rundir = RunDir.create(tmp_path / "run")
    rundir.write_plan([GOOD.scenario])
    (rundir.path / "junit.xml").mkdir()
    (complaint,) = write_all(rundir.path)
    assert "junit.xml was not written: IsADirectoryError" in complaint
    assert not list(rundir.path.glob(".junit*"))


def test_of_a_thousand(tmp_path: Path) -> None:
    """Each scenario of a long campaign is one case, in the order of the plan."""
    rundir = RunDir.create(tmp_path / "run")
    many = [
        _result(f"auto/tke@line.{number}-after/documented", Verdict.RECOVERED) for number in range(1, 1001)
    ]
    rundir.write_plan(result.scenario for result in many)
    for number, result in enumerate(many, start=1):
        rundir.add_result(number, result)
    root = ET.fromstring(junit.document(Stored.read(rundir.path)))  # noqa: S314 - written just above
    names = [case.attrib["name"] for case in root.iter("testcase")]
    assert names == [*(result.scenario.id for result in many), "gate"]
