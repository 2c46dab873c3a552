"""The run directory: the evidence of a campaign, and everything that a report is made from.

Results are one flushed line each, so that a campaign that is killed keeps what it had.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from harness.campaign.attempt import Account
from harness.model.registers import UnitRegisters
from harness.model.scenario import Result, Scenario

SCHEMA_VERSION = 1


class RunDirBusy(Exception):
    """Another campaign writes to this folder, or a finished one did."""


class RunDir:
    """One folder below ``runs/``; ``latest`` beside it points at the newest."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make the folder and hold its lock until this process ends."""
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(path / "lock", os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise RunDirBusy(f"another campaign is writing to {path}; choose another --out") from error
        if (path / "campaign.json").exists():
            os.close(lock)
            raise RunDirBusy(f"{path} holds a finished campaign; choose another --out or remove it")
        (path / "scenarios").mkdir(exist_ok=True)
        (path / "results.jsonl").write_text("")
        return cls(path)

    def point_latest(self) -> None:
        """Let ``latest`` point here."""
        latest = self.path.parent / "latest"
        fresh = self.path.parent / f".latest-{os.getpid()}"
        with suppress(FileNotFoundError):
            fresh.unlink()
        fresh.symlink_to(self.path.name)
        fresh.replace(latest)

    def write_plan(self, scenarios: Iterable[Scenario]) -> None:
        """Write plan.jsonl: number, id and expected verdict of every scenario."""
        lines = (
            {"number": number, "id": scenario.id, "expected": str(scenario.expected)}
            for number, scenario in enumerate(scenarios, start=1)
        )
        (self.path / "plan.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def write_account(self, number: int, account: Account) -> None:
        """Write the folder of one scenario."""
        folder = self.path / "scenarios" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        record = account.result.record()
        judged = ("verdict", "expected", "as_documented", "keys", "findings", "seconds")
        _write(folder / "scenario.json", {key: record[key] for key in record if key not in judged})
        _write(folder / "verdict.json", {key: record[key] for key in ("id", *judged)})
        for name in ("before", "at_crash", "after"):
            _write(folder / f"registers-{name.replace('_', '-')}.json", _units(getattr(account, name)))
        events = "".join(json.dumps(event.record()) + "\n" for event in account.events)
        (folder / "events.jsonl").write_text(events)
        (folder / "transcript.txt").write_text("\n".join(account.transcript) + "\n")
        if account.trace:
            (folder / "trace.txt").write_text(account.trace)

    def add_result(self, result: Result) -> None:
        """Append one line to results.jsonl and flush it."""
        with (self.path / "results.jsonl").open("a") as stream:
            stream.write(json.dumps(result.record()) + "\n")

    def write_campaign(self, head: dict[str, Any], results: Sequence[Result]) -> None:
        """Write campaign.json; its presence says that the campaign is finished."""
        scenarios = [result.record() for result in results]
        whole = {"schema_version": SCHEMA_VERSION, **head, "scenarios": scenarios}
        temporary = self.path / "campaign.json.tmp"
        _write(temporary, whole)
        temporary.replace(self.path / "campaign.json")


def _units(units: Sequence[UnitRegisters]) -> list[dict[str, Any]]:
    return [unit.brief() | {"current_state": unit.current.state} for unit in units]


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n")
