"""Whether the files of a run directory say the same: every fact of a campaign stands in several of them.

campaign.json repeats results.jsonl, counts it and gives the gate that follows; its probes are kept on their
own as well; the folder of a scenario repeats its line; the judgement in it follows from observation.json. Who
changes one of them, or a disk that does, is named by the others.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hil.engine import asked
from hil.engine.errors import BadRunDir
from hil.engine.rundir import CAMPAIGN, RESULTS, Record, read_campaign
from hil.engine.stored import Stored
from hil.targets.hpcs.play import outcome
from hil.targets.hpcs.play.outcome import tally

SCENARIO, VERDICT = "scenario.json", "verdict.json"
NAMED_MAX = 4
# What follows from the results and the probes.
FOLLOWS = ("gate", "untried", "verdicts", "crash_points", "audit", "controls", "model")


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
    wanted = json.loads(json.dumps(tally(outcome.of(stored))))
    for name in FOLLOWS:
        said = stored.head.get(name)
        if said is not None and said != wanted[name]:
            yield f"{CAMPAIGN}: {name} {_brief(said)}, what it holds gives {_brief(wanted[name])}"
    probes = asked.kept(stored.path)
    if probes is not None and probes != stored.head.get("probes"):
        yield from _probes(stored.head.get("probes", ()), probes)


def _probes(said: Sequence[Record], kept: Sequence[Record]) -> Iterator[str]:
    """Name the probes of campaign.json that were not answered so."""
    ours, theirs = ({probe.get("name"): probe for probe in probes} for probes in (said, kept))
    for name in dict.fromkeys((*theirs, *ours)):
        if ours.get(name) != theirs.get(name):
            told, known = _answer(ours.get(name)), _answer(theirs.get(name))
            yield f"{CAMPAIGN}: probe {name} {told}, {asked.FILE} has {known}"


def _answer(probe: Record | None) -> str:
    if probe is None:
        return "nothing"
    return f"{'passed' if probe.get('passed') else 'not passed'} {_brief(probe.get('detail'))}"


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
