"""What one scenario showed, as it is written into the run directory."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hil.model.judging import UNGROUNDED
from hil.model.printable import printable_values
from hil.model.scenario import Finding, KeyCount
from hil.model.verdicts import Verdict
from hil.targets.program.ledger import CheckSight
from hil.targets.program.point import ObservedCall, ProgramScenario, trace
from hil.targets.program.profile import ProgramProfile


@dataclass(frozen=True)
class ProgramOutcome:
    """What one scenario showed; ``ungrounded``: why that is no ground to judge any other by, or empty."""

    scenario: ProgramScenario
    kind: str
    verdict: Verdict
    fired: bool
    messages: Mapping[str, bool]
    messages_at_crash: Mapping[str, bool]
    recovery: tuple[str, ...]
    rules: tuple[str, ...]
    stuck: str
    state: str
    ending_of: str
    before: CheckSight
    at_crash: CheckSight
    after: CheckSight
    keys: KeyCount
    findings: tuple[Finding, ...]
    seconds: float
    started: float
    worker: str
    calls: tuple[ObservedCall, ...]
    transcript: str
    ungrounded: str = ""

    @property
    def as_documented(self) -> bool:
        """Whether the fault fired and the verdict is the expected one."""
        return self.fired and self.verdict is self.scenario.expected

    def record(self) -> dict[str, Any]:
        """Return the entry of campaign.json, schema version 1."""
        point = self.scenario.point
        fault = point and {
            "victim": self.scenario.victim,
            "event": point.event,
            "ordinal": point.ordinal,
            "when": str(point.when),
            "kind": "kill",
            "fired": self.fired,
        }
        record = {
            "id": self.scenario.id,
            "flow": self.scenario.flow,
            "procedure": self.kind,
            "faults": [fault] if fault else [],
            "messages": dict(self.messages),
            "messages_at_crash": dict(self.messages_at_crash),
            "recovery": list(self.recovery),
            "rules": list(self.rules),
            "stuck": self.stuck,
            "state": self.state,
            "ending_of": self.ending_of,
            "verdict": str(self.verdict),
            "expected": str(self.scenario.expected),
            "as_documented": self.as_documented,
            "state_at_crash": {"units": [], "rows": self.at_crash.rows()},
            "keys": {"total": self.keys.total, "readable": self.keys.readable, "gone": self.keys.gone},
            "findings": [{"check": one.check, "text": one.text} for one in self.findings],
            "seconds": round(self.seconds, 3),
            "started": round(self.started, 3),
            "worker": self.worker,
            "trace": trace(self.calls),
            UNGROUNDED: self.ungrounded,
        }
        return {name: printable_values(value) for name, value in record.items()}


def not_judged(
    profile: ProgramProfile, scenario: ProgramScenario, why: str, verdict: Verdict = Verdict.HARNESS_ERROR
) -> ProgramOutcome:
    """Return the outcome of a scenario that was not played to its end, by default as the bench failed."""
    procedure = next(one for one in profile.procedures if one.name == scenario.procedure)
    return ProgramOutcome(
        scenario=scenario,
        kind=str(procedure.kind),
        verdict=verdict,
        fired=False,
        messages={},
        messages_at_crash={},
        recovery=(),
        rules=(),
        stuck="",
        state="",
        ending_of="",
        before=CheckSight({}),
        at_crash=CheckSight({}),
        after=CheckSight({}),
        keys=KeyCount(0, 0),
        findings=(Finding("bench", why),),
        seconds=0.0,
        started=0.0,
        worker="",
        calls=(),
        transcript="",
    )
