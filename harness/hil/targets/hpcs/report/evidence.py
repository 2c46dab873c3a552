"""The folder of one scenario, as far as it is there: a report is made of what a broken campaign left, too."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from hil.model.events import Event
from hil.targets.hpcs.model.registers import EMPTY

Unit = dict[str, Any]
EVENTS, OBSERVATION, TRANSCRIPT = "events.jsonl", "observation.json", "transcript.txt"


@dataclass(frozen=True)
class ScenarioEvidence:
    """What stands in a scenario's folder; ``kept``: whether its events were kept.

    Registers are in the form of campaign.json, patterns cut to eight digits.
    """

    files: tuple[str, ...]
    transcript: tuple[str, ...]
    events: tuple[Event, ...]
    before: tuple[Unit, ...]
    after: tuple[Unit, ...]
    rows_gone: int

    @property
    def kept(self) -> bool:
        """Whether the events were kept."""
        return EVENTS in self.files

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read a folder that may be missing, or missing parts."""
        files = tuple(sorted(path.name for path in folder.iterdir())) if folder.is_dir() else ()
        seen = _json(folder / OBSERVATION) if OBSERVATION in files else {}
        return cls(
            files=files,
            transcript=tuple(_lines(folder / TRANSCRIPT)) if TRANSCRIPT in files else (),
            events=tuple(_events(folder / EVENTS)) if EVENTS in files else (),
            before=tuple(map(_unit, seen.get("before", ()))),
            after=tuple(map(_unit, seen.get("after", ()))),
            rows_gone=len(
                {
                    (row["key_id"], row["version"])
                    for name in ("missing", "unreadable")
                    for row in seen.get(name, ())
                }
            ),
        )


def _json(file: Path) -> dict[str, Any]:
    """Read a JSON file; one that was cut short is as good as none."""
    try:
        value: dict[str, Any] = json.loads(file.read_text())
    except ValueError:
        return {}
    return value


def _lines(file: Path) -> Sequence[str]:
    return file.read_text(errors="replace").splitlines()


def _events(file: Path) -> list[Event]:
    try:
        return [Event.from_record(json.loads(line)) for line in _lines(file)]
    except (KeyError, TypeError, ValueError):
        return []


def _unit(unit: Unit) -> Unit:
    """Return an observed unit in the form of campaign.json."""
    brief = {"number": unit["number"], "type": unit["type"]}
    for name in ("current", "new"):
        register = unit[name]
        empty = register["state"] == EMPTY
        brief |= {name: None if empty else register["pattern"][:8], f"{name}_state": register["state"]}
    return brief
