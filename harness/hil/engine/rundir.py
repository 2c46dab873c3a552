"""The run directory: the evidence of a campaign, and everything that a report is made from.

Results are one flushed line each, so that a campaign that is killed keeps what it had; what has no line is
still to do, which makes every campaign resumable. campaign.json comes last and says that it is finished.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, Self

from hil.engine import space
from hil.engine.environment import ENVIRONMENT, ended
from hil.engine.errors import BadRunDir, RunDirBusy
from hil.engine.plan import Origin, read_origin, read_plan, write_plan
from hil.model.scenario import Result, Scenario
from hil.model.verdicts import VOID, Gate, Verdict
from hil.targets.hpcs.model.registers import UnitRegisters
from hil.targets.hpcs.operator.book import Book
from hil.targets.hpcs.play.attempt import Account

SCHEMA_VERSION = 1
PLAN, RESULTS, CAMPAIGN = "plan.jsonl", "results.jsonl", "campaign.json"
PROCEDURES, BACKEND, KEYSTORE, MODULE = "procedures", "backend.txt", "keystore.txt", "module.toml"
LOCK = "lock"
EQUIPMENT = (BACKEND, KEYSTORE, MODULE, ENVIRONMENT)
KEPT = frozenset({CAMPAIGN, PROCEDURES, LOCK, *EQUIPMENT})  # may be there before there are results
FIELDS = ("gate", "profile", "units", "keys", "seconds", "scenarios")  # of campaign.json, that readers need

Record = dict[str, Any]


class RunDir:
    """One folder below ``runs/``; ``latest`` beside it points at the newest."""

    def __init__(self, path: Path, made: Sequence[Path] = ()) -> None:
        """``made``: folders above it that were made for it, the nearest first."""
        self.path = path
        self._made = made

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make the folder, or go on with one that is unfinished, or lacks what the machine has disturbed.

        It is locked until this process ends.

        Raises RunDirBusy, and BadRunDir where there can be no folder.
        """
        made = tuple(parent for parent in path.absolute().parents if not parent.exists())
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadRunDir(f"{path} cannot be made: {error.strerror}; choose another --out") from error
        if not (path / RESULTS).exists() and any(file.name not in KEPT for file in path.iterdir()):
            raise RunDirBusy(f"{path} holds something else than a campaign; choose another --out")
        lock = os.open(path / LOCK, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise RunDirBusy(f"another campaign is writing to {path}; choose another --out") from error
        (path / RESULTS).touch()
        try:
            _reopen(path)
        except BaseException:
            os.close(lock)
            raise
        (path / "scenarios").mkdir(exist_ok=True)
        return cls(path, made)

    def point_latest(self) -> None:
        """Let ``latest`` point here."""
        path = self.path.resolve()  # the name of a path such as '.' is empty
        latest = path.parent / "latest"
        fresh = path.parent / f".latest-{os.getpid()}"
        with suppress(FileNotFoundError):
            fresh.unlink()
        fresh.symlink_to(path.name)
        fresh.replace(latest)

    def discard(self) -> None:
        """Remove the folder of a campaign that came to no plan, and only what ``create`` has put into it."""
        for file in (RESULTS, LOCK, *EQUIPMENT):
            (self.path / file).unlink(missing_ok=True)
        for copy in (self.path / PROCEDURES).glob("*.toml"):
            copy.unlink()
        with suppress(OSError):  # a folder that holds something else stays
            for folder in (self.path / "scenarios", self.path / PROCEDURES, self.path, *self._made):
                if folder.is_dir():
                    folder.rmdir()

    @property
    def _room(self) -> AbstractContextManager[None]:
        """What is written here, or NoSpace with the name of this folder."""
        return space.raising_no_space(self.path, "make room there, or choose another --out")

    def write_plan(self, scenarios: Iterable[Scenario], origin: Origin | None = None) -> None:
        """Write plan.jsonl."""
        temporary = self.path / f"{PLAN}.tmp"
        with self._room:
            write_plan(temporary, scenarios, origin)
            temporary.replace(self.path / PLAN)

    def plan(self) -> tuple[Scenario, ...] | None:
        """Return the frozen plan; None where there is none yet."""
        return read_plan(self.path / PLAN) if (self.path / PLAN).exists() else None

    def origin(self) -> Origin | None:
        """Return what the plan was made for; None where there is none yet, or it does not say."""
        return read_origin(self.path / PLAN) if (self.path / PLAN).exists() else None

    @property
    def book(self) -> Book:
        """The bench's own procedures, and those that this run has kept copies of."""
        return Book.of(self.path / PROCEDURES)

    def keep_procedure(self, name: str, text: str) -> None:
        """Keep a copy of a procedure file; raises RunDirBusy where the run has begun with another text."""
        copy = self.path / PROCEDURES / f"{name}.toml"
        if copy.exists() and copy.read_text() != text:
            raise RunDirBusy(f"{self.path} was begun with another text of {name}; choose another --out")
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(text)

    def keep_equipment(self, backend: str, keystore: str | None, module: str | None) -> None:
        """Keep what instances are made of: backend, key store by its option (None: a file), module profile.

        Raises RunDirBusy where the run began on something else.
        """
        kept = (
            (KEYSTORE, keystore, "key store"),
            (MODULE, module, "PKCS#11 module"),
            (BACKEND, backend, "backend"),  # last: a choice by itself follows the other two
        )
        for name, text, what in kept:
            copy = self.path / name
            if self.plan() is not None and (copy.read_text() if copy.exists() else None) != text:
                raise RunDirBusy(f"{self.path} was begun on another {what}; choose another --out")
        for name, text, _ in kept:
            if text is None:
                (self.path / name).unlink(missing_ok=True)
            else:
                (self.path / name).write_text(text)

    def write_account(self, number: int, account: Account) -> None:
        """Write the folder of one scenario; raises NoSpace."""
        with self._room:
            self._write_account(self.path / "scenarios" / str(number), account)

    def _write_account(self, folder: Path, account: Account) -> None:
        if folder.exists():  # of a play whose result was not kept: no evidence of this one
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        record = account.result.record()
        judged = ("verdict", "expected", "as_documented", "keys", "findings", "seconds")
        _write(folder / "scenario.json", {key: record[key] for key in record if key not in judged})
        _write(folder / "verdict.json", {key: record[key] for key in ("id", *judged)})
        if account.observation:
            _write(folder / "observation.json", account.observation.record())
        (folder / "transcript.txt").write_text("\n".join(account.transcript) + "\n")
        if not account.result.as_documented or account.result.verdict is not Verdict.RECOVERED:
            self._write_whole(folder, account)

    def _write_whole(self, folder: Path, account: Account) -> None:
        """Write what is kept of scenarios that lost data, on purpose or not, or did not go as expected."""
        for name in ("before", "at_crash", "after"):
            _write(folder / f"registers-{name.replace('_', '-')}.json", _units(getattr(account, name)))
        events = "".join(json.dumps(event.record()) + "\n" for event in account.events)
        (folder / "events.jsonl").write_text(events)
        if account.printed != account.transcript:
            (folder / "printed.txt").write_text("\n".join(account.printed) + "\n")
        if account.traceback:
            (folder / "trace.txt").write_text(account.traceback)

    def write_difference(self, number: int, lines: Sequence[str]) -> None:
        """Write where two plays of one scenario differ."""
        folder = self.path / "scenarios" / str(number)
        with self._room:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "difference.txt").write_text("\n".join(lines) + "\n")

    def differences(self) -> tuple[int, ...]:
        """Return the numbers of the scenarios whose two plays differed, in this session or an earlier one."""
        return tuple(sorted(int(path.parent.name) for path in self.path.glob("scenarios/*/difference.txt")))

    def add_result(self, number: int, result: Result) -> None:
        """Append one line to results.jsonl and flush it; raises NoSpace."""
        with self._room, (self.path / RESULTS).open("a") as stream:
            stream.write(json.dumps({"number": number} | result.record()) + "\n")

    def write_results(self, records: Mapping[int, Record]) -> None:
        """Write results.jsonl anew, in the order of the plan."""
        (self.path / RESULTS).write_text(_lines(records))

    def results(self) -> dict[int, Record]:
        """Return the records of all scenarios that have a result, by number.

        A last line that a kill has cut short counts as no result, and is taken off.
        """
        path = self.path / RESULTS
        text = path.read_text()
        whole = _whole_lines(text)
        if whole != text:
            os.truncate(path, len(whole.encode()))  # never written anew: there may be no room for it
        return _by_number(whole)

    def write_campaign(self, head: Record, records: Sequence[Record]) -> None:
        """Write campaign.json; its presence says that the campaign is finished."""
        temporary = self.path / f"{CAMPAIGN}.tmp"
        told = head | ended(self.path)
        with self._room:
            _write(temporary, {"schema_version": SCHEMA_VERSION, **told, "scenarios": list(records)})
            temporary.replace(self.path / CAMPAIGN)


def _reopen(path: Path) -> None:
    """Take off the results that the machine has left without a verdict: they count as not played yet.

    A finished campaign is opened for that again, if it is its only blemish; else raises RunDirBusy.
    """
    records = read_results(path)
    lost = {one for one, record in records.items() if record.get("disturbed") and record["verdict"] in VOID}
    if (path / CAMPAIGN).exists():
        head = read_campaign(path)
        if head["gate"] != Gate.ERROR or not (lost or head.get("probes") == []):
            raise RunDirBusy(f"{path} holds a finished campaign; choose another --out or remove it")
        (path / CAMPAIGN).unlink()
    if lost:
        temporary = path / f"{RESULTS}.tmp"
        temporary.write_text(_lines({one: records[one] for one in records.keys() - lost}))
        temporary.replace(path / RESULTS)


def read_campaign(path: Path) -> Record:
    """Read the campaign.json of a run directory; raises BadRunDir."""
    file = path / CAMPAIGN
    try:
        campaign: Record = json.loads(file.read_text())
        version = campaign.get("schema_version")
        missing = [name for name in FIELDS if name not in campaign]
    except FileNotFoundError as error:
        raise BadRunDir(f"{path} holds no finished campaign; run it to its end first") from error
    except OSError as error:
        raise BadRunDir(f"{file}: {error.strerror}") from error
    except (AttributeError, ValueError) as error:
        raise BadRunDir(f"{file} is damaged: {error}") from error
    if version != SCHEMA_VERSION:
        raise BadRunDir(
            f"{file} has schema version {version}, not {SCHEMA_VERSION}; read it with its own hil"
        )
    if missing:
        raise BadRunDir(f"{file} is damaged: it lacks {', '.join(missing)}")
    return campaign


def read_results(path: Path) -> dict[int, Record]:
    """Read the results of a run directory by number and change nothing in it; raises BadRunDir."""
    try:
        return _by_number(_whole_lines((path / RESULTS).read_text()))
    except OSError as error:
        raise BadRunDir(f"{path} is no run directory: {RESULTS}: {error.strerror}") from error
    except ValueError as error:
        raise BadRunDir(f"{path / RESULTS} is damaged: {error}") from error


def _whole_lines(text: str) -> str:
    return text[: text.rfind("\n") + 1]


def _lines(records: Mapping[int, Record]) -> str:
    lines = ({"number": number} | records[number] for number in sorted(records))
    return "".join(json.dumps(line) + "\n" for line in lines)


def _by_number(text: str) -> dict[int, Record]:
    records: dict[int, Record] = {}
    for at, line in enumerate(text.splitlines(), start=1):
        try:
            record = json.loads(line)
            records[record.pop("number")] = record
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"line {at}: {getattr(error, 'msg', '') or repr(error)}") from error
    return records


def _units(units: Sequence[UnitRegisters]) -> list[Record]:
    return [unit.brief() | {"current_state": unit.current.state} for unit in units]


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n")
