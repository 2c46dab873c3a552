"""Scenarios a second: a fixed sample of a plan, played by `hil run` as users play it, with the whole oracle.

Two rates: of the campaign as a whole, and of the scenarios alone, from the start of the first to the end of
the last, without golden state, recordings and probes, which do not grow with the plan.
"""

import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hil import inherited
from hil.targets.hpcs.rig.modules.equipment import AUTO, DOCKER, PROCESS, Wanted
from hil.targets.hpcs.rig.preflight import NotReadyHere
from hil.targets.hpcs.tools.bench.site import Broken

HIL = inherited.python("hil")
SECONDS = 3600.0
BACKENDS = (PROCESS, DOCKER)
PLAYED = ("RECOVERED", "DATA_LOST", "STUCK")


def measure(
    folder: Path, profile: str, sample: int, jobs: Sequence[int], wanted: Wanted
) -> Iterator[dict[str, object]]:
    """Play ``sample`` scenarios of a profile's plan on each backend that there is, with 1 job, 2 jobs, ..."""
    plan = folder / "plan.jsonl"
    _hil("plan", "--profile", profile, "--out", str(plan), *replace(wanted, backend=AUTO).argv)
    _thin(plan, sample)
    for backend in BACKENDS:
        there = replace(wanted, backend=backend)
        try:
            there.chosen()
        except NotReadyHere as error:
            yield {"backend": backend, "skipped": str(error)}
            continue
        for count in jobs:
            out = folder / f"{backend}-{count}"
            options = ("--profile", profile, *there.argv, "--jobs", str(count), "--out", str(out))
            _hil("run", "--plan", str(plan), *options)
            yield {"backend": backend, "jobs": count, "profile": profile} | _rates(out)


def _hil(*arguments: str) -> None:
    """Run the bench; a sample that proves too little for a gate is still played."""
    ran = subprocess.run(
        (*HIL, *arguments),
        env=inherited.environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    if ran.returncode not in (0, 1, 2):
        said = (ran.stderr.strip() or ran.stdout.strip()).splitlines() or ["nothing"]
        raise Broken(f"hil {arguments[0]} ended with exit code {ran.returncode} and said: {said[-1]}")


def _thin(plan: Path, sample: int) -> None:
    """Leave so many lines of a plan, evenly."""
    lines = plan.read_text().splitlines()
    count = min(sample, len(lines))
    kept = [lines[index * len(lines) // count] for index in range(count)]
    plan.write_text("".join(f"{line}\n" for line in kept))


def _rates(out: Path) -> dict[str, Any]:
    campaign = json.loads((out / "campaign.json").read_text())
    scenarios = campaign["scenarios"]
    wrong = [scenario["id"] for scenario in scenarios if scenario["verdict"] not in PLAYED]
    if wrong:
        raise Broken(f"{len(wrong)} scenarios were not played to a verdict, such as {wrong[0]}")
    began = min(scenario["started"] for scenario in scenarios)
    ended = max(scenario["started"] + scenario["seconds"] for scenario in scenarios)
    return {
        "scenarios": len(scenarios),
        "per_second": round(len(scenarios) / (ended - began), 2),
        "whole_per_second": campaign["scenarios_per_second"],
    }
