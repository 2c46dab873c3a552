"""plan.jsonl: what a campaign plays, in this order, and what it was made for; frozen once it is written."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from harness.campaign.errors import BadRunDir
from harness.model.scenario import Scenario
from harness.model.verdicts import Verdict
from harness.sut import Shape


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

    @classmethod
    def from_record(cls, line: dict[str, Any]) -> Self | None:
        """Read it from a line of a plan; None where the line does not say."""
        if "profile" not in line:
            return None
        return cls(line["profile"], Shape(keys=line["keys"], **line["units"]), line.get("scenarios", 0))


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
    try:
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        return tuple(Scenario.parse(str(line["id"]), Verdict(line["expected"])) for line in lines)
    except OSError as error:
        raise BadRunDir(f"{path}: {error.strerror}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise BadRunDir(f"{path} is no plan: {error}") from error


def read_origin(path: Path) -> Origin | None:
    """Return what a plan was made for; None where it does not say; raises BadRunDir."""
    try:
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        origins = set(map(Origin.from_record, lines))
    except OSError as error:
        raise BadRunDir(f"{path}: {error.strerror}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise BadRunDir(f"{path} is no plan: {error}") from error
    if len(origins) > 1:
        raise BadRunDir(f"{path} has scenarios of several plans; play each plan by itself")
    return next(iter(origins), None)
