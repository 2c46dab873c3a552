"""The catalogue: every defect and every oracle check as data, read from the TOML files beside this module."""

import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hil.model.verdicts import Verdict

FOLDER = Path(__file__).parent / "catalogue"
CHECKS = "checks.toml"
WITHOUT_FAULT = "auto/none/documented"


class BadEntry(ValueError):
    """An entry of the catalogue cannot be read; the text names it."""


@dataclass(frozen=True)
class Change:
    """One text in the source of a module, and what stands there instead."""

    module: str
    old: str
    new: str

    def record(self) -> dict[str, str]:
        """Return the form that the seed carries."""
        return asdict(self)


@dataclass(frozen=True)
class Defect:
    """A fault in the emulator and what convicts it.

    ``scenario`` is played on ``units`` (operational, recovery) and has to end as ``verdict``, with a finding
    of ``check``; where a ``probe`` is named, that one has to fail, and the scenario does not matter.
    """

    name: str
    title: str
    changes: tuple[Change, ...]
    scenario: str = WITHOUT_FAULT
    verdict: Verdict = Verdict.RECOVERED
    check: str = ""
    probe: str = ""
    units: tuple[int, int] = (2, 1)
    keys: int = 8


@dataclass(frozen=True)
class Check:
    """A check of the bench, the change that removes it, and the defect that nothing else convicts."""

    name: str
    title: str
    changes: tuple[Change, ...]
    alone: str


def defects() -> dict[str, Defect]:
    """All defects by name, in the order of their files; raises BadEntry."""
    found = [
        _defect(path.stem, name, entry)
        for path in sorted(FOLDER.glob("*.toml"))
        if path.name != CHECKS
        for name, entry in tomllib.loads(path.read_text()).items()
    ]
    return {defect.name: defect for defect in found}


def checks() -> dict[str, Check]:
    """All checks by name; raises BadEntry."""
    entries = tomllib.loads((FOLDER / CHECKS).read_text())
    return {
        name: Check(name, entry["title"], tuple(_changes(name, entry)), entry["alone"])
        for name, entry in entries.items()
    }


def _defect(area: str, name: str, entry: dict[str, Any]) -> Defect:
    values = {key: value for key, value in entry.items() if key not in {"change", "units", "verdict"}}
    if "verdict" in entry:
        values["verdict"] = Verdict(entry["verdict"])
    if "units" in entry:
        operational, recovery = entry["units"]
        values["units"] = (operational, recovery)
    if ("probe" in entry) == ("check" in entry):
        raise BadEntry(f"{name} in {area}.toml: either a check convicts it or a probe")
    return Defect(name=name, changes=tuple(_changes(name, entry)), **values)


def _changes(name: str, entry: dict[str, Any]) -> Iterator[Change]:
    if not entry.get("change"):
        raise BadEntry(f"{name}: there is no change")
    for change in entry["change"]:
        yield Change(**change)
