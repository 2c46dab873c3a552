"""Whether the files of a run directory say the same: every fact of a campaign stands in several of them.

campaign.json repeats results.jsonl and counts it; the folder of a scenario repeats its line; the judgement in
it follows from observation.json. Who changes one of them, or a disk that does, is named by the others.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.campaign.errors import BadRunDir
from harness.campaign.rundir import CAMPAIGN, RESULTS, Record, read_campaign
from harness.campaign.stored import Stored
from harness.model.verdicts import Verdict

SCENARIO, VERDICT = "scenario.json", "verdict.json"
NAMED_MAX = 4


def differences(stored: Stored) -> tuple[str, ...]:
    """Return where two files of a run directory contradict each other, in words; raises BadRunDir."""
    return (*_plan(stored), *_campaign(stored), *_folders(stored))


def _plan(stored: Stored) -> Iterator[str]:
    for number, result in sorted(stored.results.items()):
        expected = stored.plan[number - 1].expected
        if result.scenario.expected is not expected:
            said = f"{result.scenario.expected} expected, plan.jsonl {expected}"
            yield f"{RESULTS}: {said}: {result.scenario.id}"


def _campaign(stored: Stored) -> Iterator[str]:
    """Compare campaign.json, where there is one, with the results."""
    if not stored.head:
        return
    entries = read_campaign(stored.path)["scenarios"]
    records = [stored.records[number] for number in sorted(stored.records)]
    if [entry.get("id") for entry in entries] != [record["id"] for record in records]:
        yield f"{CAMPAIGN} has other scenarios than {RESULTS}: {len(entries)} and {len(records)}"
        return
    for entry, record in zip(entries, records, strict=True):
        yield from _differing(CAMPAIGN, entry, record)
    verdicts = Counter(record["verdict"] for record in records)
    fired = [fault["fired"] for record in records for fault in record["faults"]]
    counted = {
        "verdicts": {str(verdict): verdicts[verdict] for verdict in Verdict},
        "crash_points": {"enumerated": len(fired), "fired": sum(fired)},
    }
    for name, wanted in counted.items():
        said = stored.head.get(name)
        if said is not None and said != wanted:
            yield f"{CAMPAIGN}: {name} are {_brief(said)}, {RESULTS} gives {_brief(wanted)}"


def _folders(stored: Stored) -> Iterator[str]:
    """Compare the folder of each scenario that has one with its line."""
    for number, record in sorted(stored.records.items()):
        folder = stored.scenario_folder(number)
        for name in (SCENARIO, VERDICT):
            said = _read(folder / name)
            if said is not None:
                yield from _differing(f"scenarios/{number}/{name}", said, record)
            elif (folder / "observation.json").exists():
                yield f"scenarios/{number}/{name} is missing"


def _differing(where: str, said: Mapping[str, Any], record: Record) -> Iterator[str]:
    names = [name for name in said if name not in record or said[name] != record[name]]
    if where == CAMPAIGN:
        names += [name for name in record if name not in said]
    if names:
        shown = ", ".join(f"{name} {_brief(said.get(name))}" for name in names[:NAMED_MAX])
        there = ", ".join(f"{name} {_brief(record.get(name))}" for name in names[:NAMED_MAX])
        yield f"{where}: {shown}, {RESULTS} has {there}: {record['id']}"


def _read(file: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(file.read_text()))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadRunDir(f"{file}: {error.strerror}") from error
    except (TypeError, ValueError) as error:
        raise BadRunDir(f"{file} is damaged: {error}") from error


def _brief(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
