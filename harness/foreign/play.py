"""One scenario: restore, rotate, kill, follow the procedure, ask what is left.

A crash state is the files byte by byte, and what the operator has seen. Equal ones are recovered from once:
every crash point has its kill, but one that leaves what an earlier one has left takes its ending from there.
"""

import hashlib
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.foreign import ledger
from harness.foreign.command import Place, Run, SutBroken, plain, watched
from harness.foreign.ledger import Sight
from harness.foreign.point import Call, Scenario, trace
from harness.foreign.profile import Ended, Procedure, Profile, Rule
from harness.model.redaction import Redactor
from harness.model.scenario import Finding, KeyCount
from harness.model.verdicts import Verdict

ROUNDS_MAX = 16  # a procedure that has not come to an end by then goes in circles


@dataclass(frozen=True)
class Golden:
    """The state that every scenario begins with, and what its check said."""

    place: Place
    sight: Sight
    endings: "dict[str, Ending]" = field(default_factory=dict)


@dataclass(frozen=True)
class Ending:
    """What came of one crash state; ``played`` is the id of the scenario in which it was."""

    played: str
    at_crash: Sight
    runs: tuple[Run, ...]
    stuck: str
    after: Sight


@dataclass(frozen=True)
class Outcome:
    """What one scenario showed."""

    scenario: Scenario
    kind: str
    verdict: Verdict
    fired: bool
    messages: tuple[str, ...]
    recovery: tuple[str, ...]
    stuck: str
    state: str
    ending_of: str
    at_crash: Sight
    after: Sight
    keys: KeyCount
    findings: tuple[Finding, ...]
    seconds: float
    started: float
    calls: tuple[Call, ...]
    transcript: str

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
        return {
            "id": self.scenario.id,
            "flow": self.scenario.flow,
            "procedure": self.kind,
            "faults": [fault] if fault else [],
            "messages": dict.fromkeys(self.messages, True),
            "recovery": list(self.recovery),
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
            "trace": trace(self.calls),
        }


def prepare(profile: Profile, place: Place) -> Golden:
    """Make the golden state; raises SutBroken where a command of the set-up fails."""
    place.make()
    for number, words in enumerate(profile.setup, start=1):
        run = plain(profile, place, f"setup {number}", words)
        if run.ended is not Ended.OK:
            raise SutBroken(f"{profile.name}: set-up {number} {_how(run)}: {run.output[-500:].strip()}")
    sight = _sight(profile, place, place.home.parent / "look")
    if not sight.keys or set(sight.keys.values()) != {ledger.Standing.OLD} or sight.problems:
        raise SutBroken(f"{profile.name}: before the rotation every key has to be 'old': {sight.record()}")
    return Golden(place, sight)


def restore(golden: Golden, place: Place) -> None:
    """Put the golden files in place."""
    shutil.rmtree(place.root, ignore_errors=True)
    shutil.rmtree(place.home, ignore_errors=True)
    shutil.copytree(golden.place.root, place.root, symlinks=True)
    place.make()


def play(
    profile: Profile, golden: Golden, place: Place, scenario: Scenario, *, alone: bool = False
) -> Outcome:
    """Play a scenario in ``place``, which nobody else uses; ``alone``: with an ending of its own."""
    started, began = time.time(), time.monotonic()
    procedure = next(one for one in profile.procedures if one.name == scenario.procedure)
    restore(golden, place)
    first = watched(profile, place, profile.rotate, scenario.point)
    fired = scenario.point is None or (first.struck and first.ended is Ended.KILLED)
    state = _state(profile, place, procedure, first)
    ending = None if alone else golden.endings.get(state)
    if ending is None:
        ending = _ending(profile, place, procedure, first, scenario.id)
        golden.endings.setdefault(state, ending)
    judged = ledger.verdict(ending.after, golden.sight, done=not ending.stuck)
    return Outcome(
        scenario=scenario,
        kind=str(procedure.kind),
        verdict=judged if fired else Verdict.NOT_FIRED,
        fired=fired,
        messages=_shown(profile, first),
        recovery=tuple(run.name for run in ending.runs),
        stuck=ending.stuck,
        state=state,
        ending_of=ending.played,
        at_crash=ending.at_crash,
        after=ending.after,
        keys=ledger.count(ending.after, golden.sight),
        findings=ledger.findings(ending.after, golden.sight),
        seconds=time.monotonic() - began,
        started=started,
        calls=first.calls,
        transcript=_transcript((first, *ending.runs)),
    )


def not_judged(profile: Profile, scenario: Scenario, why: str) -> Outcome:
    """Return the outcome of a scenario that the bench failed to play to its end."""
    procedure = next(one for one in profile.procedures if one.name == scenario.procedure)
    return Outcome(
        scenario=scenario,
        kind=str(procedure.kind),
        verdict=Verdict.HARNESS_ERROR,
        fired=False,
        messages=(),
        recovery=(),
        stuck="",
        state="",
        ending_of="",
        at_crash=Sight({}),
        after=Sight({}),
        keys=KeyCount(0, 0),
        findings=(Finding("bench", why),),
        seconds=0.0,
        started=0.0,
        calls=(),
        transcript="",
    )


def _state(profile: Profile, place: Place, procedure: Procedure, first: Run) -> str:
    """Name the crash state for a procedure: 16 hexadecimal digits."""
    digest = hashlib.sha256(f"{procedure.name} {first.ended} {_shown(profile, first)}".encode())
    for part in _contents(place.root):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:16]


def _contents(root: Path) -> Iterator[bytes]:
    """Yield name, mode and content of everything below a folder."""
    for path in sorted(root.rglob("*")):
        yield f"{path.relative_to(root)} {path.lstat().st_mode}".encode()
        if path.is_symlink():
            yield str(path.readlink()).encode()
        elif path.is_file():
            yield path.read_bytes()


def _ending(profile: Profile, place: Place, procedure: Procedure, first: Run, played: str) -> Ending:
    look = place.home.parent / "look"
    at_crash = _sight(profile, place, look)
    runs, stuck = _recover(profile, place, procedure, first)
    return Ending(played, at_crash, tuple(runs), stuck, _sight(profile, place, look))


def _recover(profile: Profile, place: Place, procedure: Procedure, last: Run) -> tuple[list[Run], str]:
    """Follow the procedure; return what was run, and why there is no answer (empty: it said done)."""
    runs: list[Run] = []
    for _ in range(ROUNDS_MAX):
        rule = next((rule for rule in procedure.rules if _holds(profile, rule, last)), None)
        if rule is None:
            return runs, f"no rule for a '{last.name}' that {_how(last)}"
        if rule.done:
            return runs, ""
        last = plain(profile, place, rule.run, profile.commands[rule.run])
        runs.append(last)
    return runs, f"no end after {ROUNDS_MAX} commands"


def _holds(profile: Profile, rule: Rule, last: Run) -> bool:
    shown = _shown(profile, last)
    return (
        last.ended in rule.ended
        and last.name in rule.after
        and all(name in shown for name in rule.shows)
        and not any(name in shown for name in rule.lacks)
    )


def _shown(profile: Profile, run: Run) -> tuple[str, ...]:
    return tuple(name for name, pattern in profile.messages.items() if pattern.search(run.output))


def _sight(profile: Profile, place: Place, look: Path) -> Sight:
    """Ask the check about a copy of the files."""
    shutil.rmtree(look, ignore_errors=True)
    shutil.copytree(place.root, look, symlinks=True)
    run = plain(profile, Place(look, place.ledger, place.home), "check", profile.check)
    shutil.rmtree(look)
    if run.ended is not Ended.OK:
        raise SutBroken(f"{profile.name}: the check {_how(run)}: {run.output[-500:].strip()}")
    return Sight.parse(run.output)


def _how(run: Run) -> str:
    return f"ended with exit code {run.code}" if run.ended is Ended.FAILED else f"ended {run.ended}"


def _transcript(runs: tuple[Run, ...]) -> str:
    """Return what the operator saw, without anything that has the form of a secret."""
    text = "".join(f"$ {run.name}\n{run.output.rstrip()}\n[{_how(run)}]\n" for run in runs)
    return Redactor()(text)
