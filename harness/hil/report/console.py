"""Plain lines for a terminal or a log: one a scenario as it ends, a table and the gate at the end."""

import shlex
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hil.model.faults import EventClass, FaultKind
from hil.model.scenario import Result, Scenario
from hil.model.verdicts import Gate, Verdict
from hil.targets.hpcs.model import points
from hil.targets.hpcs.play.deepen import Merged
from hil.targets.hpcs.play.outcome import CampaignOutcome
from hil.targets.hpcs.play.record import Recording

SHOWN_MAX = 12
REPORT = "report.html"

NO_NEED = "(the rotation itself went on to its end)"
NOT_SEEN = "(not played to its end)"
NOT_SERVING = "(what was killed did not come back)"
NO_RULE = "(no rule for what was seen)"
MARKS = {True: "ok", False: "!!"}
GATES = {
    Gate.PASS: "PASS: every scenario ended as documented",
    Gate.FAIL: "FAIL: data lost, stuck, or the documentation contradicted",
    Gate.INCONCLUSIVE: "INCONCLUSIVE: nothing tried, a fault not fired, a result missing, or plays differ",
    Gate.ERROR: "ERROR: the bench itself failed",
}


def line(done: int, planned: int, result: Result) -> str:
    """Return the line of one scenario."""
    how = " -> ".join(result.recovery) or followed_nothing(result, "nothing to do")
    keys = f"{result.keys.readable}/{result.keys.total} keys"
    mark = MARKS[result.as_documented]
    return (
        f"[{done:>{len(str(planned))}}/{planned}] {mark} {result.verdict:<9} {keys:<11} "
        f"{result.scenario.id}  {how}  {result.seconds:.1f} s"
    )


def table(results: Sequence[Result]) -> Iterator[str]:
    """Yield the decision table as the campaign has seen it: messages and rule, scenarios, verdicts."""
    groups: dict[tuple[str, str, str, str], Counter[Verdict]] = defaultdict(Counter)
    for result in results:
        seen = "".join("yes  " if shown else "no   " for shown in result.messages_at_crash.values())
        rules = "; ".join(result.rules) or followed_nothing(result, NO_RULE if result.stuck else NO_NEED)
        key = (str(result.scenario.flow), seen, result.scenario.procedure, rules)
        groups[key][result.verdict] += 1
    yield f"{'flow':<6}{'msg1 msg2 ':<11}{'scenarios and verdict':<24}procedure: rules followed"
    for (flow, seen, procedure, rules), verdicts in sorted(groups.items()):
        counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
        yield f"{flow:<6}{seen:<11}{counts:<23} {procedure}: {rules}"


def unplayed(result: Result) -> bool:
    """Whether the machine has left a scenario without a verdict."""
    return bool(result.disturbed) and result.verdict is Verdict.HARNESS_ERROR


def followed_nothing(result: Result, otherwise: str) -> str:
    """Return why a result has no recovery: nobody came to one, or else ``otherwise``."""
    if result.verdict is Verdict.HARNESS_ERROR:
        return NOT_SEEN
    return otherwise if result.came_back else NOT_SERVING


def closing(outcome: CampaignOutcome, folder: Path) -> Iterator[str]:
    """Yield the last lines: what went wrong and how to see it again, losses as documented, gate, report."""
    results = outcome.results
    wrong = [result for result in results if not result.as_documented]
    for result in wrong[:SHOWN_MAX]:
        yield f"not as documented: {ended(result)}"
        yield from (f"  {finding.check}: {finding.text}" for finding in result.findings[:5])
        yield f"  {again(result, folder)}"
    if len(wrong) > SHOWN_MAX:
        yield f"... and {len(wrong) - SHOWN_MAX} more that are not as documented, see results.jsonl"
    for result in results:
        if result.as_documented and result.verdict is Verdict.DATA_LOST:
            yield f"loss confirmed, as documented: {result.keys.loss}, {result.scenario.id}"
    yield from doubts(outcome)
    yield from tally(outcome, folder)
    yield GATES[outcome.gate]
    yield from report(folder)
    if outcome.gate is Gate.ERROR and any(map(unplayed, results)):
        yield f"the same command with --out {shlex.quote(str(folder))} plays again what was disturbed"
    if wrong:
        yield again(wrong[0], folder)


def doubts(outcome: CampaignOutcome) -> Iterator[str]:
    """Yield why the gate may be closed although every scenario ended as documented."""
    yield from map(nothing, outcome.untried)
    yield from (f"not repeatable: two plays of {name} differ" for name in outcome.differing)
    yield from (
        f"not as the second opinion predicts: {one.seen}, predicted {one.predicted}, {one.id}"
        for one in outcome.model.differences[:SHOWN_MAX]
    )
    if outcome.merging:
        different, spared = outcome.merging.differ, outcome.merging.spared
        yield from (f"not as the crash that stands for it: {name}" for name in different[:SHOWN_MAX])
        yield from (f"its recovery was never struck: {name}" for name in spared[:SHOWN_MAX])
    yield from (f"promised and not played: {control}" for control in outcome.lacking[:SHOWN_MAX])
    for probe in outcome.probes:
        if not probe.passed:
            yield f"probe {'failed' if probe.tried else 'not tried'}: {probe.name}: {probe.detail}"


def nothing(why: str) -> str:
    """Return why neither a pass nor a contradiction follows, in a line."""
    return f"proves nothing: {why}"


def tally(outcome: CampaignOutcome, folder: Path) -> Iterator[str]:
    """Yield how much was played and compared, and where the evidence is."""
    model = outcome.model
    disturbed = [result for result in outcome.results if result.disturbed]
    for result in disturbed[:SHOWN_MAX]:
        yield f"disturbed and played again: {result.scenario.id}: {'; '.join(result.disturbed)}"
    if len(disturbed) > SHOWN_MAX:
        yield f"... and {len(disturbed) - SHOWN_MAX} more that were disturbed, see results.jsonl"
    yield f"second opinion: {model.agree} of {model.cells} cells (crash state and procedure) as predicted"
    if outcome.merging:
        yield str(outcome.merging)
    faults = [fired for result in outcome.results for fired in result.fired]
    passed = sum(probe.passed for probe in outcome.probes)
    yield (
        f"{len(outcome.results)} scenarios in {outcome.seconds:.1f} s, {sum(faults)} of {len(faults)} faults "
        f"fired, {passed} of {len(outcome.probes)} probes passed, evidence in {folder}"
    )


def ended(result: Result) -> str:
    """Return how a scenario has ended and was expected to: by its outcome where the verdicts agree."""
    if result.verdict is result.scenario.expected and not result.foreseen:
        return f"{result.outcome}, expected {result.expected_outcome}"
    return f"{result.verdict}, expected {result.scenario.expected}"


def report(folder: Path) -> Iterator[str]:
    """Yield where the report for people is, where there is one."""
    if (folder / REPORT).exists():
        yield f"report: {folder / REPORT}"


def again(result: Result, folder: Path) -> str:
    """Return how to see a scenario of a run directory again."""
    return f"again: hil replay {result.scenario.id} --run {shlex.quote(str(folder))}"


def plan_record(scenarios: Sequence[Scenario], recording: Recording) -> dict[str, Any]:
    """Return how many scenarios a plan has: by flow, class of event and kind of fault, and by victim."""
    flows = {}
    for flow, events in recording.items():
        faults = [
            scenario.faults[0]
            for scenario in scenarios
            if scenario.flow is flow and len(scenario.faults) == 1
        ]
        kills = points.count([fault for fault in faults if fault.kind is FaultKind.KILL], events)
        others = points.count([fault for fault in faults if fault.kind is not FaultKind.KILL], events)
        flows[str(flow)] = {
            str(boundary): {"kills": kills[boundary], "others": others[boundary]} for boundary in EventClass
        }
    victims = Counter(str(scenario.faults[-1].victim.role) for scenario in scenarios if scenario.faults)
    return {"scenarios": len(scenarios), "flows": flows, "victims": dict(sorted(victims.items()))}


def counts(
    scenarios: Sequence[Scenario], recording: Recording, merged: Merged | None = None
) -> Iterator[str]:
    """Yield these numbers in lines, and how depth 2 came to be."""
    tallied = plan_record(scenarios, recording)
    yield f"{'flow':<8}{'class':<12}{'kills':>6}{'others':>8}"
    for flow, classes in tallied["flows"].items():
        for boundary, count in classes.items():
            yield f"{flow:<8}{boundary:<12}{count['kills']:>6}{count['others']:>8}"
    yield "victims: " + ", ".join(f"{count} {role}" for role, count in tallied["victims"].items())
    if merged:
        deep = sum(len(scenario.faults) > 1 for scenario in scenarios)
        yield (
            f"depth 2: {merged.crashes} crashes are {merged.states} crash states, {deep} scenarios follow; "
            f"{merged.sampled} of them test the merging, {merged.state_based} follow the state-based rule"
        )
    yield f"{len(scenarios)} scenarios"
