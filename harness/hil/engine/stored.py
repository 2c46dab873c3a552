"""A run directory as evidence: read whole, and never written to."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from hil.engine import environment
from hil.engine.errors import BadRunDir
from hil.engine.plan import Origin, read_origin, read_plan
from hil.engine.rundir import (
    BACKEND,
    CAMPAIGN,
    KEYSTORE,
    MODULE,
    PLAN,
    PROCEDURES,
    Record,
    read_campaign,
    read_results,
)
from hil.model.probe import Probe
from hil.model.scenario import Result, Scenario
from hil.targets.hpcs.emulator import Shape
from hil.targets.hpcs.model.observation import Observation
from hil.targets.hpcs.operator.book import Book
from hil.targets.hpcs.play.profiles import PROFILES, Profile
from hil.targets.hpcs.rig.keystore.keystores import SQLITE
from hil.targets.hpcs.rig.modules.equipment import AUTO

LATEST = Path("runs", "latest")
SUT = "sut"  # folder that only the run directory of a program has, see targets/program/stored.py


@dataclass(frozen=True)
class Stored:
    """What a campaign left: plan and results by number, from 1.

    ``records`` are results as they stand in the file. ``head`` is campaign.json without its scenarios; it is
    empty where the campaign did not come to its end.
    """

    path: Path
    plan: tuple[Scenario, ...]
    records: dict[int, Record]
    results: dict[int, Result]
    head: Record

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a run directory; raises BadRunDir."""
        if not path.exists():
            raise BadRunDir(f"{path} is not there; 'hil run' makes a run directory, such as {LATEST}")
        if not (path / PLAN).is_file():
            raise BadRunDir(f"{path} is no run directory; name one that 'hil run' made, such as {LATEST}")
        if (path / SUT).is_dir():
            raise BadRunDir(f"{path} was made by 'hil sut run'; 'hil report' and 'hil bundle' read it")
        plan = read_plan(path / PLAN)
        records = read_results(path)
        head = read_campaign(path) if (path / CAMPAIGN).exists() else {}
        head.pop("scenarios", None)
        try:
            results = {number: Result.from_record(record) for number, record in records.items()}
        except (KeyError, TypeError, ValueError) as error:
            raise BadRunDir(f"a result in {path} cannot be read: {error!r}") from error
        for number, result in results.items():
            if not 0 < number <= len(plan) or plan[number - 1].id != result.scenario.id:
                raise BadRunDir(f"{path}: result {number} ({result.scenario.id}) is not that of its plan")
        return cls(path, plan, records, results, head)

    @property
    def book(self) -> Book:
        """Procedures of this run; raises BadProcedure."""
        return Book.of(self.path / PROCEDURES)

    @property
    def environment(self) -> Record | None:
        """Versions and machine that it was played on; None where it kept nothing."""
        return self.head.get("environment") or environment.kept(self.path)

    @property
    def module(self) -> Path | None:
        """Profile of the PKCS#11 module behind the crypto units; None: SoftHSM."""
        copy = self.path / MODULE
        return copy if copy.exists() else None

    @property
    def backend(self) -> str:
        """Where crypto units ran, as the option names it; ``auto`` where nobody kept it."""
        copy = self.path / BACKEND
        return copy.read_text() if copy.exists() else str(self.head.get("backend", AUTO))

    @property
    def keystore(self) -> str | None:
        """Where keys were stored, as the option names it; None: in a file."""
        copy = self.path / KEYSTORE
        if copy.exists():
            return copy.read_text()
        kind: str = self.head.get("keystore", SQLITE)
        return None if kind == SQLITE else kind

    @property
    def origin(self) -> Origin | None:
        """What the plan was made for; None where it does not say."""
        return read_origin(self.path / PLAN)

    @property
    def profile(self) -> Profile | None:
        """Profile of the bench that the plan was made from; None where it was made from none."""
        return PROFILES.get(self.head.get("profile") or (self.origin.profile if self.origin else ""))

    @property
    def planned(self) -> int:
        """How many scenarios were to be played, all of the plan or one shard's part of it."""
        return int(self.head.get("planned", len(self.plan)))

    @property
    def shape(self) -> Shape:
        """Size of the instance; of an unfinished campaign, as the first crash state shows it."""
        if self.head:
            return Shape(**self.head["units"], keys=self.head["keys"])
        seen = next((record for record in self.records.values() if record["state_at_crash"]), None)
        if seen is None:
            raise BadRunDir(f"{self.path} has no result that tells its size; choose another --run")
        types = [unit["type"] for unit in seen["state_at_crash"]["units"]]
        operational, recovery, failover = map(types.count, ("OPERATIONAL", "RECOVERY", "FAILOVER"))
        return Shape(operational, recovery, failover, seen["keys"]["total"])

    @property
    def differing(self) -> tuple[str, ...]:
        """Ids of the scenarios in which the audit found a difference, in plan order."""
        told = self.head.get("audit", {}).get("differing", ())
        return tuple(
            result.scenario.id
            for number, result in sorted(self.results.items())
            if result.scenario.id in told or (self.scenario_folder(number) / "difference.txt").exists()
        )

    @property
    def probes(self) -> tuple[Probe, ...] | None:
        """What was asked of the instance beside the scenarios; None where the campaign did not end."""
        told = self.head.get("probes")
        return None if told is None else tuple(map(Probe.from_record, told))

    def scenario_folder(self, number: int) -> Path:
        """Folder of one scenario's evidence, which may be missing."""
        return self.path / "scenarios" / str(number)

    def find(self, scenario_id: str) -> tuple[Scenario | None, Result | None]:
        """Return what the plan says of an id, and its result."""
        for number, scenario in enumerate(self.plan, start=1):
            if scenario.id == scenario_id:
                return scenario, self.results.get(number)
        return None, None

    def observation(self, number: int) -> Observation | None:
        """Return what the oracle saw in one scenario, None where it saw nothing; raises BadRunDir."""
        file = self.scenario_folder(number) / "observation.json"
        try:
            return Observation.from_record(json.loads(file.read_text()))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BadRunDir(f"{file}: {error.strerror}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise BadRunDir(f"{file} is damaged: {error!r}") from error
