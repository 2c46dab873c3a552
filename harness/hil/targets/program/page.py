"""report.html of a system under test: the page that every campaign has, with what a profile tells."""

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

from hil.engine.stored import SUT
from hil.model.procedure import ProcedureKind
from hil.report.html import whole
from hil.report.html.campaign import CampaignView, Record
from hil.report.html.lines import Heading, Line, MatrixRow
from hil.report.html.markup import Node, node
from hil.report.html.tables import plain, to_scenario
from hil.targets.program.ledger import KeyStanding
from hil.targets.program.point import ProgramPoint, ProgramScenario
from hil.targets.program.profile import ProgramProcedure, ProgramProfile
from hil.targets.program.report import GROUPED, again, groups
from hil.targets.program.stored import SutRun

FLUSHES = frozenset({"fsync", "fdatasync"})
ROW_MIN, ROW_MAX = 4, 24
FINDINGS_MAX, LINES_MAX, KEYS_MAX = 12, 400, 200
TIMES = ("before", "at_crash", "after")
ENDED = re.compile(r"\[ended .*\]")


@dataclass(frozen=True)
class Foreign(CampaignView):
    """A campaign on a system under test."""

    plan: tuple[ProgramScenario, ...]
    profile: ProgramProfile

    @classmethod
    def of(cls, run: SutRun, home: str = "") -> Self:
        """Take what a report needs of a run directory; ``home`` is what commands call it, else its path."""
        return cls(
            path=run.path,
            plan=run.plan,
            records=run.records,
            head=run.head,
            judged=run.judged,
            planned=len(run.plan),
            differing=frozenset(run.differing),
            home=home or str(run.path),
            profile=run.profile,
        )

    def _procedure(self, name: str) -> ProgramProcedure | None:
        return next((one for one in self.profile.procedures if one.name == name), None)

    def kind(self, procedure: str) -> ProcedureKind:
        """Kind of a procedure of the profile."""
        known = self._procedure(procedure)
        return known.kind if known else ProcedureKind.FORBIDDEN

    def title(self, procedure: str) -> str | None:
        """Rules of a procedure of the profile, one a line."""
        known = self._procedure(procedure)
        return "\n".join(rule.text for rule in known.rules) if known else None

    def bodies(self) -> Iterator[Sequence[Line]]:
        """Yield all crash points as they follow on each other; a row ends where something was flushed."""
        yield tuple(self._lines())

    def _lines(self) -> Iterator[Line]:
        yield Heading(f"{self.profile.flow}: {self._typed(self.profile.rotate)}", "flow")
        by_point: dict[ProgramPoint | None, list[int]] = {}
        for number, scenario in enumerate(self.plan, start=1):
            by_point.setdefault(scenario.point, []).append(number)
        unhurt = by_point.pop(None, [])
        if unhurt:
            yield MatrixRow("no fault", tuple(unhurt))
        row: list[ProgramPoint] = []
        for point in filter(None, by_point):
            row.append(point)
            if (point.event in FLUSHES and len(row) >= ROW_MIN) or len(row) == ROW_MAX:
                yield _row(row, by_point)
                row = []
        if row:
            yield _row(row, by_point)

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield what was killed, and how many keys it had."""
        head = self.head
        yield "system under test", f"{self.profile.name}, {head['sut']['version'] or 'version not asked for'}"
        yield "killed", head["sut"]["victim"]
        yield "keys", str(head["keys"])
        yield "crash states", str(head["crash_states"])

    def claim(self, number: int) -> str:
        """Say what a scenario tries, and what is predicted."""
        scenario = self.plan[number - 1]
        return (
            f"{self.profile.name}, {scenario.flow}: {_happens(scenario)}. The operator follows "
            f"“{scenario.procedure}”. Predicted: {scenario.expected}."
        )

    def replay(self, number: int) -> str:
        """Return the command that plays a scenario again."""
        return again(Path(self.home, SUT, self.profile.path.name), {"id": self.plan[number - 1].id})

    def _typed(self, command: str) -> str:
        """Return the words of a command of the profile, its folders as the profile has them."""
        return shlex.join(self.profile.commands[command])

    def commands(self, record: Record) -> list[list[str]]:
        """Return name and words of every command of a scenario, the rotation first."""
        names = dict.fromkeys((self.profile.rotate, *record["recovery"]))
        return [[name, self._typed(name)] for name in names if name in self.profile.commands]


def document(run: SutRun, against: SutRun | None = None, home: str = "") -> str:
    """Return report.html of a run directory, compared with an earlier one where that is given.

    ``home``: what the commands in it call the run directory.
    """
    campaign = Foreign.of(run, home)
    earlier = Foreign.of(against) if against else None
    return whole.write(campaign, partial(_detail, campaign), _found(campaign), earlier)


def _row(row: Sequence[ProgramPoint], by_point: dict[ProgramPoint | None, list[int]]) -> MatrixRow:
    first, last = (f"{point.event}.{point.ordinal}" for point in (row[0], row[-1]))
    numbers = tuple(number for point in row for number in by_point[point])
    return MatrixRow(first if first == last else f"{first} … {last}", numbers)


def _happens(scenario: ProgramScenario) -> str:
    point = scenario.point
    if point is None:
        return "nothing strikes"
    return f"{scenario.victim} is killed {point.when} {point.event} number {point.ordinal}"


def _found(campaign: Foreign) -> Iterator[Node]:
    """Yield a section with what came of crash states, by what the check saw and the operator did."""
    rows = [
        (
            state,
            node("code", " → ".join(ours[0]["recovery"])) if ours[0]["recovery"] else "nothing",
            verdict,
            str(len(ours)),
            to_scenario(ours[0]["id"]),
        )
        for (state, _, verdict), ours in groups(campaign.records.values())
    ]
    if rows:
        yield node("section", node("h2", "What came of it"), plain(GROUPED, rows), id="came")


def _detail(campaign: Foreign, number: int, *, with_events: bool) -> Record:
    """Return what the view of one scenario shows."""
    scenario, record = campaign.plan[number - 1], campaign.records[number]
    folder = campaign.folder(number)
    transcript = _lines(folder / "transcript.txt")
    findings = record["findings"]
    return {
        "claim": campaign.claim(number),
        "replay": campaign.replay(number),
        "faults": [[_happens(scenario), told["fired"]] for told in record["faults"]],
        "state": record["state"],
        "rules": [[rule, ""] for rule in record["rules"]],
        "stuck": record["stuck"],
        "findings": [[one["check"], one["text"]] for one in findings[:FINDINGS_MAX]],
        "more": max(0, len(findings) - FINDINGS_MAX),
        "keys": _keys(folder / "observation.json"),
        "commands": campaign.commands(record),
        "calls": list(_calls(folder / "events.jsonl", killed=bool(record["faults"]))) if with_events else [],
        "transcript": [list(line) for line in _marked(campaign.profile, transcript[-LINES_MAX:])],
        "cut": max(0, len(transcript) - LINES_MAX),
        "rows": [],
        "files": sorted(path.name for path in folder.iterdir()) if folder.is_dir() else [],
    }


def _keys(file: Path) -> list[list[Any]]:
    """Return each key with what opened it before, at the crash and after; what was lost comes first."""
    seen = _json(file)
    sights: list[dict[str, str]] = [seen.get(time, {}).get("keys", {}) for time in TIMES]
    names = dict.fromkeys(name for sight in sights for name in sight)
    rows = [
        [name, *(sight.get(name, KeyStanding.GONE) if sight else "?" for sight in sights)] for name in names
    ]
    rows.sort(key=lambda row: row[-1] != KeyStanding.GONE)
    more = [[f"… {len(rows) - KEYS_MAX} more, see {file.name}", "", "", ""]] if len(rows) > KEYS_MAX else []
    return rows[:KEYS_MAX] + more


def _calls(file: Path, *, killed: bool) -> Iterator[list[str]]:
    """Yield the last calls of the command as lines, with a mark at the one that it was killed at."""
    lines = _lines(file)
    earlier = max(0, len(lines) - LINES_MAX)
    if earlier:
        yield [f"… {earlier} earlier calls, see {file.name}", ""]
    for at, line in enumerate(lines[earlier:], start=earlier + 1):
        call = json.loads(line)
        text = f"{call['name']}.{call['ordinal']} {call['when']} {call['path']}".rstrip()
        deadly = killed and at == len(lines)
        yield [f"{text}  ✗ killed here" if deadly else text, "failed" if deadly else ""]


def _marked(profile: ProgramProfile, lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield lines of a transcript with what they are: a command, a message, a failure, or nothing special."""
    for line in lines:
        shown = next((name for name, form in profile.messages.items() if form.search(line)), "")
        if line.startswith("$ "):
            yield line, "typed"
        elif shown:
            yield line, f"message {shown}"
        else:
            yield line, "failed" if ENDED.fullmatch(line) and line != "[ended ok]" else ""


def _json(file: Path) -> dict[str, Any]:
    """Read a JSON file; one that is missing or was cut short is as good as none."""
    try:
        value: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return value


def _lines(file: Path) -> list[str]:
    return file.read_text(errors="replace").splitlines() if file.is_file() else []
