"""Scenarios (what is tried) and results (what was seen)."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from hil.model.faults import BadId, Fault
from hil.model.outcome import Outcome
from hil.model.verdicts import Verdict


@dataclass(frozen=True)
class Scenario:
    """One rotation, the faults in it, and the procedure followed afterwards.

    The first fault strikes the rotation, the second one the recovery, and so on.
    """

    flow: str
    faults: tuple[Fault, ...]
    procedure: str
    expected: Verdict

    @property
    def id(self) -> str:
        """``auto/kms@C_WrapKey.7-before/documented``; ``none`` stands for a run without a fault."""
        where = "~".join(fault.id for fault in self.faults) or "none"
        return f"{self.flow}/{where}/{self.procedure}"

    @classmethod
    def parse(cls, text: str, expected: Verdict) -> Self:
        """Read the form that ``id`` writes."""
        flow, _, rest = text.partition("/")
        where, _, procedure = rest.partition("/")
        if not flow or not where or not procedure:
            raise BadId(f"{text!r} is no scenario id: FLOW/CRASH-POINT[~CRASH-POINT]/PROCEDURE")
        faults = () if where == "none" else tuple(Fault.parse(part) for part in where.split("~"))
        return cls(flow, faults, procedure, expected)


@dataclass(frozen=True)
class KeyCount:
    """Keys of the ledger, and how many of them the oracle could read in full.

    ``gone``: how many nothing opens any more; ``usable``: how many still serve through
    the kms, each tried, None where the workload of the oracle was tried in their place.
    """

    total: int
    readable: int
    gone: int = 0
    usable: int | None = None

    @property
    def left(self) -> str:
        """Return how many keys can be read, and how many can be used, in words."""
        used = "" if self.usable is None else f", usable: {self.usable}"
        return f"{self.readable} of {self.total}{used}"

    @property
    def loss(self) -> str:
        """Return how many keys are gone, and how many of the others can be used, in words."""
        lost = f"{self.gone} of {self.total} keys"
        left = self.total - self.gone
        if self.usable is None or not left:
            return lost
        can = f"the other {left}" if self.usable == left else f"{self.usable or 'none'} of the other {left}"
        return f"{lost}, {can} can be used"


@dataclass(frozen=True)
class Finding:
    """One check of the oracle that did not hold, in a sentence."""

    check: str
    text: str


BENCH = "bench"  # the check that the bench itself did not fail
MACHINE = "machine"  # the check that the machine let a scenario go its way
NOT_BACK = "comes back"  # the check that a process which was killed serves again; without it nobody can judge


@dataclass(frozen=True)
class Result:
    """What one scenario showed; ``trace`` is that of model.events, empty where nothing was played.

    ``started`` is in seconds since 1970, ``worker`` who played it: 0 and empty where nobody did. ``outcome``
    is what came of the procedure in this crash state, None where nothing was learned; ``expected_outcome``
    what its author predicts, None where they predict no more than a verdict. ``trunk``: id of the scenario
    whose rotation this one goes on from; ``ending_of``: id of the one whose recovery from the same crash
    state stands for this one's. ``messages`` are those that count, by name, and whether they stood on the
    terminal. ``disturbed``: what the machine did to an earlier play, which does not count. ``own``: what only
    this target has, as JSON knows it.
    """

    scenario: Scenario
    kind: str
    verdict: Verdict
    fired: tuple[bool, ...]
    messages: Mapping[str, bool]
    messages_at_crash: Mapping[str, bool]
    recovery: tuple[str, ...]
    rules: tuple[str, ...]
    stuck: str
    state: str
    state_at_crash: Mapping[str, Any] | None
    keys: KeyCount
    findings: tuple[Finding, ...]
    seconds: float
    trace: str
    started: float = 0.0
    worker: str = ""
    outcome: Outcome | None = None
    expected_outcome: Outcome | None = None
    trunk: str = ""
    ending_of: str = ""
    disturbed: tuple[str, ...] = ()
    own: Mapping[str, Any] = field(default_factory=dict)

    @property
    def foreseen(self) -> bool:
        """Whether all came back, and the outcome is the predicted one, where one was seen and predicted."""
        return self.came_back and (self.outcome is None or self.expected_outcome in (None, self.outcome))

    @property
    def came_back(self) -> bool:
        """Whether what a fault had killed served again; else the oracle had nothing to look at."""
        return all(finding.check != NOT_BACK for finding in self.findings)

    @property
    def as_documented(self) -> bool:
        """Whether every fault fired, and verdict and outcome are the expected ones."""
        return all(self.fired) and self.verdict is self.scenario.expected and self.foreseen

    def record(self) -> dict[str, Any]:
        """Return the entry of campaign.json, schema version 1."""
        return {
            "id": self.scenario.id,
            "flow": str(self.scenario.flow),
            "procedure": self.kind,
            "faults": [
                {
                    "victim": str(fault.victim),
                    "event": fault.event,
                    "ordinal": fault.ordinal,
                    "when": str(fault.when),
                    "kind": str(fault.kind),
                    "detail": fault.detail,
                    "fired": fired,
                }
                for fault, fired in zip(self.scenario.faults, self.fired, strict=True)
            ],
            "messages": dict(self.messages),
            "messages_at_crash": dict(self.messages_at_crash),
            "recovery": list(self.recovery),
            "rules": list(self.rules),
            "stuck": self.stuck,
            "state": self.state,
            "verdict": str(self.verdict),
            "expected": str(self.scenario.expected),
            "outcome": self.outcome and str(self.outcome),
            "expected_outcome": self.expected_outcome and str(self.expected_outcome),
            "as_documented": self.as_documented,
            "state_at_crash": self.state_at_crash,
            "keys": asdict(self.keys),
            "findings": [asdict(finding) for finding in self.findings],
            "seconds": round(self.seconds, 3),
            "trace": self.trace,
            "started": round(self.started, 3),
            "worker": self.worker,
            "trunk": self.trunk,
            "ending_of": self.ending_of,
            "disturbed": list(self.disturbed),
        } | dict(self.own)

    @classmethod
    def from_record(cls, value: dict[str, Any]) -> Self:
        """Read what ``record`` returned.

        Fields that schema version 1 did not have from its beginning may be missing.
        """
        return cls(
            scenario=Scenario.parse(value["id"], Verdict(value["expected"])),
            kind=value["procedure"],
            verdict=Verdict(value["verdict"]),
            fired=tuple(fault["fired"] for fault in value["faults"]),
            messages=dict(value["messages"]),
            messages_at_crash=dict(value["messages_at_crash"]),
            recovery=tuple(value["recovery"]),
            rules=tuple(value["rules"]),
            stuck=value["stuck"],
            state=value.get("state", ""),
            state_at_crash=value["state_at_crash"],
            keys=KeyCount(**value["keys"]),
            findings=tuple(Finding(**finding) for finding in value["findings"]),
            seconds=value["seconds"],
            trace=value.get("trace", ""),
            started=value.get("started", 0.0),
            worker=value.get("worker", ""),
            trunk=value.get("trunk", ""),
            ending_of=value.get("ending_of", ""),
            disturbed=tuple(value.get("disturbed", ())),
            outcome=_outcome(value.get("outcome")),
            expected_outcome=_outcome(value.get("expected_outcome")),
            own={name: each for name, each in value.items() if name not in COMMON},
        )


# What the record of every target has; the rest is its own.
COMMON = frozenset(
    (
        *("id", "flow", "procedure", "faults", "messages", "messages_at_crash", "recovery", "rules", "stuck"),
        *("state", "verdict", "expected", "outcome", "expected_outcome", "as_documented", "state_at_crash"),
        *("keys", "findings", "seconds", "trace", "started", "worker", "trunk", "ending_of", "disturbed"),
    )
)


def _outcome(value: str | None) -> Outcome | None:
    return Outcome(value) if value else None


def not_judged(
    scenario: Scenario, kind: str, why: str, *, check: str = BENCH, messages: Iterable[str] = ()
) -> Result:
    """Return the result of a scenario that the bench failed to play to its end, or was not let.

    ``messages``: names of those that count.
    """
    return Result(
        scenario=scenario,
        kind=kind,
        verdict=Verdict.HARNESS_ERROR,
        fired=tuple(False for _ in scenario.faults),
        messages=dict.fromkeys(messages, False),
        messages_at_crash=dict.fromkeys(messages, False),
        recovery=(),
        rules=(),
        stuck="",
        state="",
        state_at_crash=None,
        keys=KeyCount(0, 0),
        findings=(Finding(check, why),),
        seconds=0.0,
        trace="",
    )
