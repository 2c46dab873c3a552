"""plan.jsonl: what a campaign plays, in this order, and what it was made for; frozen once it is written."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from hil.engine.errors import BadRunDir
from hil.forms import jsonlines, textfile
from hil.forms.form import Form, OneOf, Words
from hil.forms.reading import Faulty, Problem
from hil.model.scenario import Scenario
from hil.model.verdicts import Verdict
from hil.targets.hpcs.emulator import Shape
from hil.targets.hpcs.model import processes


@dataclass(frozen=True)
class Origin:
    """What a plan was made for. Its crash points are those of that many units and keys, and of no others.

    ``scenarios``: how many the whole plan of the profile has; 0 where this one never was the whole.
    """

    profile: str
    shape: Shape
    scenarios: int = 0

    def __str__(self) -> str:
        units = ", ".join(f"{number} {name}" for name, number in self.shape.units.items())
        return f"profile {self.profile}, {units}, {self.shape.keys} keys"

    def record(self) -> dict[str, Any]:
        """Return it as each line of a plan has it, so that a part of a plan has it too."""
        size = {"units": self.shape.units, "keys": self.shape.keys}
        return {"profile": self.profile, **size, "scenarios": self.scenarios}


class _Units(Form):
    """Crypto units by type."""

    operational: int = Field(description="operational crypto units", ge=1)
    recovery: int = Field(description="recovery crypto units", ge=0)
    failover: int = Field(default=0, description="failover crypto units", ge=0)


class _Line(Form):
    """A line of a plan. Other keys are those of a later version."""

    model_config = ConfigDict(extra="ignore")

    id: Words = Field(description="the scenario")
    expected: Annotated[Verdict, OneOf(tuple(Verdict))] = Field(description="the verdict that is predicted")
    profile: str = Field(default="", description="what the plan was made for")
    units: _Units = Field(default_factory=partial(_Units, operational=1, recovery=0), description="its units")
    keys: int = Field(default=0, description="its keys", ge=0)
    scenarios: int = Field(default=0, description="how many the whole plan has", ge=0)

    @property
    def origin(self) -> Origin | None:
        """What the plan was made for; None where the line does not say."""
        shape = Shape(**self.units.model_dump(), keys=self.keys)
        return Origin(self.profile, shape, self.scenarios) if self.profile else None


def write_plan(path: Path, scenarios: Iterable[Scenario], origin: Origin | None = None) -> None:
    """Write number, id, expected verdict and origin of every scenario, one JSON object a line."""
    made_for = origin.record() if origin else {}
    lines = (
        {"number": number, "id": scenario.id, "expected": str(scenario.expected)} | made_for
        for number, scenario in enumerate(scenarios, start=1)
    )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def read_plan(path: Path) -> tuple[Scenario, ...]:
    """Read what ``write_plan`` wrote; raises BadRunDir."""
    return tuple(processes.check(Scenario.parse(line.id, line.expected)) for line in _lines(path))


def _lines(path: Path) -> tuple[_Line, ...]:
    try:
        return jsonlines.parse(textfile.read(path), _Line, _problems)
    except OSError as error:
        raise BadRunDir(f"{path}: {error.strerror}") from error
    except textfile.NotText as error:
        raise BadRunDir(str(error)) from error
    except Faulty as error:
        first, *more = error.faults
        rest = f" (and {len(more)} more)" if more else ""
        raise BadRunDir(f"{path}:{first.line}: no line of a plan: {first.text}{rest}") from error


def _problems(line: _Line) -> Iterator[Problem]:
    try:
        processes.check(Scenario.parse(line.id, line.expected))
    except ValueError as error:
        yield Problem(("id",), str(error))
    if line.profile and not {"units", "keys"} <= line.model_fields_set:
        yield Problem((), "with a profile the line has to have units and keys as well")


def read_origin(path: Path) -> Origin | None:
    """Return what a plan was made for; None where it does not say; raises BadRunDir."""
    origins = {line.origin for line in _lines(path)}
    if len(origins) > 1:
        raise BadRunDir(f"{path} has scenarios of several plans; play each plan by itself")
    return next(iter(origins), None)
