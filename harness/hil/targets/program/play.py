"""One scenario: restore, rotate, kill, follow the procedure, ask what is left.

A crash state is the files byte by byte, and what the operator has seen. Equal ones are recovered from once:
every crash point has its kill, but one that leaves what an earlier one has left takes its ending from there.
"""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hil.engine.errors import NothingTried
from hil.model.printable import printable, printable_lines
from hil.model.redaction import Redactor
from hil.model.scenario import Finding
from hil.model.verdicts import Verdict
from hil.targets.program import ledger, tree
from hil.targets.program.command import PlayFolders, Run, plain, running, watched
from hil.targets.program.form import CommandEnd
from hil.targets.program.ledger import CheckSight
from hil.targets.program.outcome import ProgramOutcome
from hil.targets.program.point import ProgramScenario
from hil.targets.program.profile import ProgramProcedure, ProgramProfile, ProgramRule
from hil.targets.program.running import SutBroken

ROUNDS_MAX = 16  # a procedure that has not come to an end by then goes in circles
# A file of the ledger that is short and one line is taken for a secret, which no evidence may show.
SECRET_MIN, SECRET_MAX = 8, 256
VERSION_LINES = 2
SHOWN_MAX = 5


@dataclass(frozen=True)
class ProgramGolden:
    """The state that every scenario begins with, and what its check said."""

    place: PlayFolders
    sight: CheckSight
    version: str = ""
    secrets: frozenset[str] = frozenset()
    endings: "dict[str, Ending]" = field(default_factory=dict)

    @property
    def redact(self) -> Redactor:
        """What takes secrets out of a text."""
        return Redactor(secrets=self.secrets)

    def say(self, text: str) -> str:
        """Return a text of the system under test, or of its check, as it may be shown: in one line."""
        return printable(self.redact(text))


@dataclass(frozen=True)
class Ending:
    """What came of one crash state; ``played`` is the id of the scenario in which it was."""

    played: str
    at_crash: CheckSight
    runs: tuple[Run, ...]
    rules: tuple[str, ...]
    stuck: str
    after: CheckSight


def prepare(profile: ProgramProfile, place: PlayFolders) -> ProgramGolden:
    """Make the golden state; raises SutBroken where a command of the set-up fails."""
    place.make()
    for number, words in enumerate(profile.setup, start=1):
        run = plain(profile, place, f"setup {number}", words)
        if run.ended is not CommandEnd.OK:
            raise SutBroken(f"{profile.name}: set-up {number} {_how(run)}: {_end_of(run)}")
    seen = sight(profile, place)
    _all_old(profile, seen)
    return ProgramGolden(place, seen, _version(profile, place), frozenset(_secrets(place.ledger)))


def _all_old(profile: ProgramProfile, sight: CheckSight) -> None:
    """Raise NothingTried where there is no key, and SutBroken where one is not as it has to be at first."""
    if not sight.keys:
        raise NothingTried(
            f"{profile.name}: the check names no key, so nothing could be lost; see its 'keys'"
        )
    other = {name: state for name, state in sight.keys.items() if state is not ledger.KeyStanding.OLD}
    wrong = [f"{name} is '{state}'" for name, state in other.items()]
    if wrong:
        why = f"every key has to be 'old', and {', '.join(wrong[:SHOWN_MAX])}"
    else:
        why = f"the check finds fault already: {'; '.join(sight.problems[:SHOWN_MAX])}"
    if wrong or sight.problems:
        raise SutBroken(f"{profile.name}: before the rotation {printable(why)}")


def _version(profile: ProgramProfile, place: PlayFolders) -> str:
    """Return what the system under test says of its version, in one line."""
    if not profile.version:
        return ""
    run = plain(profile, place, "version", profile.version)
    if run.ended is not CommandEnd.OK:
        raise SutBroken(f"{profile.name}: 'version' {_how(run)}: {_end_of(run)}")
    return ", ".join(map(printable, run.output.splitlines()[:VERSION_LINES])).strip(", ")


def _secrets(folder: Path) -> Iterator[str]:
    """Yield what the set-up has put into the ledger to open keys by."""
    for path in folder.rglob("*"):
        if path.is_file() and path.stat().st_size <= SECRET_MAX:
            text = path.read_bytes().decode(errors="replace").strip()
            if len(text) >= SECRET_MIN and "\n" not in text:
                yield text


def restore(golden: ProgramGolden, place: PlayFolders) -> None:
    """Put the golden files in place."""
    for folder in (place.root, place.home):
        tree.remove(folder)
    tree.copy(golden.place.root, place.root)
    place.make()


def play(
    profile: ProgramProfile,
    golden: ProgramGolden,
    place: PlayFolders,
    scenario: ProgramScenario,
    *,
    alone: bool = False,
) -> ProgramOutcome:
    """Play a scenario in ``place``, which nobody else uses; ``alone``: with an ending of its own."""
    started, began = time.time(), time.monotonic()
    procedure = next(one for one in profile.procedures if one.name == scenario.procedure)
    restore(golden, place)
    first = watched(profile, place, profile.rotate, scenario.point)
    fired = scenario.point is None or (first.struck and first.ended is CommandEnd.KILLED)
    state = _state(profile, place, procedure, first)
    ending = None if alone else golden.endings.get(state)
    if ending is None:
        ending = _ending(profile, place, procedure, first, scenario.id)
        golden.endings.setdefault(state, ending)
    judged = ledger.verdict(ending.after, golden.sight, done=not ending.stuck)
    runs = (first, *ending.runs)
    return ProgramOutcome(
        scenario=scenario,
        kind=str(procedure.kind),
        verdict=judged if fired else Verdict.NOT_FIRED,
        fired=fired,
        messages=_messages(profile, *runs),
        messages_at_crash=_messages(profile, first),
        recovery=tuple(run.name for run in ending.runs),
        rules=ending.rules,
        stuck=ending.stuck,
        state=state,
        ending_of=ending.played,
        before=golden.sight.redacted(golden.say),
        at_crash=ending.at_crash.redacted(golden.say),
        after=ending.after.redacted(golden.say),
        keys=ledger.count(ending.after, golden.sight),
        findings=tuple(
            Finding(one.check, golden.say(one.text)) for one in ledger.findings(ending.after, golden.sight)
        ),
        seconds=time.monotonic() - began,
        started=started,
        worker=place.root.parent.name,
        calls=first.calls,
        ungrounded=golden.say(ungrounded(first, ending.at_crash)) if scenario.point is None else "",
        transcript=printable_lines(golden.redact(_transcript(runs))),
    )


def ungrounded(run: Run, seen: CheckSight) -> str:
    """Return why a rotation that nobody killed is no ground to judge recoveries by; empty where it is one."""
    if run.left:
        return f"'{run.name}' left {running(run)}"
    if run.ended is not CommandEnd.OK:
        return f"'{run.name}', which nobody kills, {_how(run)}: {_end_of(run)}"
    old = [name for name, state in seen.keys.items() if state is ledger.KeyStanding.OLD]
    if old:
        some = f"{len(old)} of {len(seen.keys)} keys under the old secret: {', '.join(old[:SHOWN_MAX])}"
        return f"'{run.name}', which nobody kills, leaves {some}"
    return ""


def _state(profile: ProgramProfile, place: PlayFolders, procedure: ProgramProcedure, first: Run) -> str:
    """Name the crash state for a procedure: 16 hexadecimal digits."""
    digest = hashlib.sha256(f"{procedure.name} {first.ended} {_shown(profile, first)}".encode())
    for part in tree.contents(place.root):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:16]


def _ending(
    profile: ProgramProfile, place: PlayFolders, procedure: ProgramProcedure, first: Run, played: str
) -> Ending:
    at_crash = sight(profile, place)
    runs, rules, stuck = _recover(profile, place, procedure, first)
    return Ending(played, at_crash, tuple(runs), tuple(rules), stuck, sight(profile, place))


def _recover(
    profile: ProgramProfile, place: PlayFolders, procedure: ProgramProcedure, last: Run
) -> tuple[list[Run], list[str], str]:
    """Follow the procedure; return what was run, the rules for it, and why there is no answer, or nothing."""
    runs: list[Run] = []
    rules: list[str] = []
    for _ in range(ROUNDS_MAX):
        rule = next((rule for rule in procedure.rules if _holds(profile, rule, last)), None)
        if rule is None:
            return runs, rules, f"no rule for a '{last.name}' that {_how(last)}"
        rules.append(rule.text)
        if rule.done:
            return runs, rules, ""
        last = plain(profile, place, rule.run, profile.commands[rule.run])
        runs.append(last)
    return runs, rules, f"no end after {ROUNDS_MAX} commands"


def _holds(profile: ProgramProfile, rule: ProgramRule, last: Run) -> bool:
    shown = _shown(profile, last)
    return (
        last.ended in rule.ended
        and (not rule.after or last.name in rule.after)
        and all(name in shown for name in rule.shows)
        and not any(name in shown for name in rule.lacks)
    )


def _shown(profile: ProgramProfile, run: Run) -> tuple[str, ...]:
    return tuple(name for name, pattern in profile.messages.items() if pattern.search(run.output))


def _messages(profile: ProgramProfile, *runs: Run) -> dict[str, bool]:
    """Return which messages commands have shown, by name."""
    shown = {name for run in runs for name in _shown(profile, run)}
    return {name: name in shown for name in profile.messages}


def sight(profile: ProgramProfile, place: PlayFolders) -> CheckSight:
    """Ask the check about a copy of the files."""
    look = place.home.parent / "look"
    tree.remove(look)
    tree.copy(place.root, look)
    run = plain(profile, PlayFolders(look, place.ledger, place.home), "check", profile.check)
    tree.remove(look)
    if run.ended is not CommandEnd.OK:
        raise SutBroken(f"{profile.name}: the check {_how(run)}: {_end_of(run)}")
    return CheckSight.parse(run.output)


def _how(run: Run) -> str:
    return f"ended with exit code {run.code}" if run.ended is CommandEnd.FAILED else f"ended {run.ended}"


def _end_of(run: Run) -> str:
    return printable(run.output[-500:].strip())


def _transcript(runs: tuple[Run, ...]) -> str:
    """Return what the operator saw."""
    return "".join(f"$ {run.name}\n{run.output.rstrip()}\n[{_how(run)}]\n" for run in runs)
