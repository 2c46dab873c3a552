"""The run directory of a system under test as evidence: written by a campaign, read whole by reports.

Beside what every run directory has there is ``sut/``: the profile and the files that it names, so that the
evidence can be read, and played again, where the profile itself is not.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from hil.engine import environment
from hil.engine.errors import BadRunDir, RunDirBusy
from hil.engine.rundir import CAMPAIGN, PLAN, RESULTS, RunDir, read_campaign, read_results
from hil.engine.stored import SUT
from hil.model import judging
from hil.model.judging import Judged
from hil.model.verdicts import Verdict
from hil.targets.program.outcome import ProgramOutcome
from hil.targets.program.point import ProgramScenario
from hil.targets.program.profile import ProgramProfile, load

Record = dict[str, Any]
JUDGED = ("verdict", "expected", "as_documented", "keys", "findings", "seconds")


def is_run(path: Path) -> bool:
    """Whether a folder is the run directory of a system under test."""
    return (path / SUT).is_dir()


def begin(path: Path, profile: ProgramProfile) -> RunDir:
    """Make a run directory with a copy of the profile; raises RunDirBusy where one has begun there."""
    if (path / PLAN).exists():
        raise RunDirBusy(f"{path} holds a campaign already; choose another --out or remove it")
    rundir = RunDir.create(path)
    environment.keep(path, environment.read())
    (path / SUT).mkdir(exist_ok=True)
    for part in profile.parts:
        shutil.copy(part, path / SUT / part.name)
    return rundir


def discard(rundir: RunDir) -> None:
    """Remove the folder of a campaign that has come to no result."""
    shutil.rmtree(rundir.path / SUT, ignore_errors=True)
    (rundir.path / PLAN).unlink(missing_ok=True)
    rundir.discard()


def keep(rundir: RunDir, number: int, outcome: ProgramOutcome) -> None:
    """Write the line and the folder of one scenario."""
    record = outcome.record()
    with (rundir.path / RESULTS).open("a") as stream:
        stream.write(json.dumps({"number": number} | record) + "\n")
    folder = rundir.path / "scenarios" / str(number)
    folder.mkdir(parents=True)
    sights = {"before": outcome.before, "at_crash": outcome.at_crash, "after": outcome.after}
    files: dict[str, Any] = {
        "scenario.json": {key: record[key] for key in record if key not in JUDGED},
        "verdict.json": {key: record[key] for key in ("id", *JUDGED)},
        "observation.json": {name: sight.record() for name, sight in sights.items()},
    }
    for name, value in files.items():
        (folder / name).write_text(json.dumps(value, indent=1) + "\n")
    (folder / "events.jsonl").write_text("".join(json.dumps(call.record()) + "\n" for call in outcome.calls))
    (folder / "transcript.txt").write_text(outcome.transcript)


@dataclass(frozen=True)
class SutRun:
    """What a campaign left: plan and results by number, from 1.

    ``profile`` is the copy in the run directory. ``head`` is campaign.json without its scenarios; it is empty
    where the campaign did not come to its end.
    """

    path: Path
    profile: ProgramProfile
    plan: tuple[ProgramScenario, ...]
    records: dict[int, Record]
    head: Record

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a run directory; raises BadRunDir and BadProfile."""
        if not is_run(path):
            raise BadRunDir(f"{path} is no run directory of 'hil sut run'")
        profiles = sorted((path / SUT).glob("*.toml"))
        if len(profiles) != 1:
            raise BadRunDir(f"{path / SUT} has {len(profiles)} profiles in place of one")
        profile = load(profiles[0])
        plan = _plan(path / PLAN, profile.victim)
        records = dict(sorted(read_results(path).items()))
        for number, record in records.items():
            if not 0 < number <= len(plan) or plan[number - 1].id != record["id"]:
                raise BadRunDir(f"{path}: result {number} ({record['id']}) is not that of its plan")
        head = read_campaign(path) if (path / CAMPAIGN).exists() else {}
        head.pop("scenarios", None)
        return cls(path, profile, plan, records, head)

    @property
    def judged(self) -> Judged:
        """The gate: as the campaign wrote it, else what follows from the results so far."""
        return judging.stored(self.head) or judge(self.plan, list(self.records.values()), self.differing)

    @property
    def environment(self) -> Record | None:
        """Versions and machine that it was played on; None where it kept nothing."""
        return self.head.get("environment") or environment.kept(self.path)

    @property
    def differing(self) -> tuple[str, ...]:
        """Ids of the scenarios of which two plays differ."""
        return tuple(self.head.get("audit", {}).get("differing", ()))


def judge(
    plan: Sequence[ProgramScenario], records: Sequence[Record], differing: Sequence[str], *reasons: str
) -> Judged:
    """Judge a campaign, finished or not; ``reasons``: why its rotation is no ground for that."""
    faults = any(scenario.point for scenario in plan)
    return judging.judge(records, len(plan), faults=faults, reasons=reasons, repeatable=not differing)


def _plan(path: Path, victim: str) -> tuple[ProgramScenario, ...]:
    try:
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        return tuple(ProgramScenario.parse(line["id"], victim, Verdict(line["expected"])) for line in lines)
    except OSError as error:
        raise BadRunDir(f"{path}: {error.strerror}") from error
    except (KeyError, ValueError) as error:
        raise BadRunDir(f"{path} is no plan of a system under test: {error}") from error
