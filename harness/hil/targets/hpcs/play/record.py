"""Recording: a fault-free run of each flow, from whose events the crash points are taken.

Each flow is recorded twice. Were the two not equal, an ordinal would not mean the same instant in every run,
and no scenario id could be trusted.
"""

from collections.abc import Sequence
from difflib import unified_diff

from hil.engine.errors import NothingTried
from hil.model.events import Event, normalised
from hil.model.scenario import Scenario
from hil.model.verdicts import Verdict
from hil.targets.hpcs.model.flow import Flow
from hil.targets.hpcs.operator import load
from hil.targets.hpcs.play.attempt import attempt
from hil.targets.hpcs.rig.golden import Golden
from hil.targets.hpcs.rig.rig import Rig

DIFFERENCE_LINES = 20
Recording = dict[Flow, Sequence[Event]]


class NotRepeatable(Exception):
    """Two fault-free runs of the same rig gave different events; the text shows where."""


class GoldenFailed(Exception):
    """A fault-free rotation could not be played, or a crash not be reached; the bench is broken."""


def record(rig: Rig, golden: Golden) -> Recording:
    """Record every flow; raises NotRepeatable, GoldenFailed or NothingTried."""
    return {flow: _twice(rig, golden, flow) for flow in Flow}


def fault_free(rig: Rig, golden: Golden, flow: Flow) -> Sequence[Event]:
    """Rotate once without a fault and return its events, not those of the oracle; raises GoldenFailed."""
    scenario = Scenario(flow, (), "documented", Verdict.RECOVERED)
    account = attempt(rig, golden, scenario, load.builtin("documented"), watched=True)
    if account.result.verdict is not Verdict.RECOVERED or account.result.recovery:
        why = "; ".join(finding.text for finding in account.result.findings[:3])
        what = f"a rotation without a fault ended {account.result.verdict}: {why}"
        if account.result.verdict is Verdict.HARNESS_ERROR:
            raise GoldenFailed(what)
        raise NothingTried(f"{what}; no recovery can be judged by it")
    return [event for event in account.events if event.stage == 0]


def _twice(rig: Rig, golden: Golden, flow: Flow) -> Sequence[Event]:
    first, second = (fault_free(rig, golden, flow) for _ in range(2))
    difference = compare(first, second)
    if difference:
        raise NotRepeatable(f"two recordings of '{flow}' differ:\n" + "\n".join(difference))
    return first


def compare(first: Sequence[Event], second: Sequence[Event]) -> list[str]:
    """Return the first lines in which two traces differ, nothing where they are equal."""
    lines = unified_diff(normalised(first), normalised(second), "first", "second", lineterm="", n=2)
    return list(lines)[:DIFFERENCE_LINES]
