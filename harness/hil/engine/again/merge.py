"""Merging: the run directories of a plan's shards become one that looks like that of an unsharded run."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from hil.engine import asked, environment
from hil.engine.campaign import Shard
from hil.engine.errors import RunDirBusy
from hil.engine.results import Results
from hil.engine.rundir import PROCEDURES, Record, RunDir, read_campaign
from hil.engine.stored import Stored
from hil.model.probe import Probe
from hil.targets.hpcs.play.outcome import CampaignOutcome, judged, tally

# What two parts of one campaign cannot differ in.
ALIKE = ("profile", "backend", "keystore", "module", "units", "keys")


class NotOneCampaign(Exception):
    """The folders are no parts of one campaign; the text says where they disagree."""


def read(paths: Sequence[Path]) -> tuple[Stored, ...]:
    """Read finished run directories and make sure that they fit; raises BadRunDir or NotOneCampaign."""
    shards = tuple(map(Stored.read, paths))
    for path in paths:
        read_campaign(path)
    first = shards[0]
    for shard in shards[1:]:
        if shard.plan != first.plan:
            raise NotOneCampaign(
                f"{first.path} and {shard.path} have different plans; run both with one --plan"
            )
        for name in ALIKE:
            if shard.head.get(name) != first.head.get(name):
                raise NotOneCampaign(
                    f"{first.path} and {shard.path} differ in {name}: "
                    f"{_brief(first.head.get(name))} and {_brief(shard.head.get(name))}"
                )
    _no_scenario_twice(shards)
    return shards


def merge(shards: Sequence[Stored], out: Path) -> CampaignOutcome:
    """Write the whole to ``out``, which must be new or empty, and return it; raises RunDirBusy."""
    if out.exists() and any(out.iterdir()):
        raise RunDirBusy(f"{out} is not empty; choose another --out")
    outcome = _outcome(shards)
    rundir = RunDir.create(out)
    if (shards[0].path / PROCEDURES).exists():
        shutil.copytree(shards[0].path / PROCEDURES, out / PROCEDURES)
    module = shards[0].module
    rundir.keep_equipment(shards[0].backend, shards[0].keystore, module.read_text() if module else None)
    rundir.write_plan(shards[0].plan, shards[0].origin)
    records: dict[int, Record] = {}
    for shard in shards:
        records |= shard.records
        for number in shard.records:
            folder = shard.scenario_folder(number)
            if folder.exists():
                shutil.copytree(folder, out / "scenarios" / str(number))
    rundir.write_results(records)
    asked.keep(out, outcome.probes)
    planned = len(shards[0].plan)
    head = {"shard": str(Shard()), "planned": planned, "total": planned} | tally(outcome)
    rundir.write_campaign(
        _common(shards) | head | _environment(shards), [records[number] for number in sorted(records)]
    )
    rundir.point_latest()
    return outcome


def _outcome(shards: Sequence[Stored]) -> CampaignOutcome:
    first = shards[0]
    records = {number: record for shard in shards for number, record in shard.records.items()}
    found = Results(
        plan=first.plan,
        planned=len(first.plan),
        origin=first.origin,
        records=[records[number] for number in sorted(records)],
        differing=tuple(scenario_id for shard in shards for scenario_id in shard.differing),
        probes=_probes(shards),
        seconds=sum(shard.head["seconds"] for shard in shards),
        played=len(records),
    )
    return judged(found, first.profile, first.book)


def _probes(shards: Sequence[Stored]) -> tuple[Probe, ...]:
    """Return every probe once, failed if it has failed in some shard, else untried if it was so in some.

    Empty where a shard lost them.
    """
    if not all(shard.probes for shard in shards):
        return ()
    found: dict[str, Probe] = {}
    for probe in (probe for shard in shards for probe in shard.probes or ()):
        before = found.get(probe.name)
        if before is None or probe.problems or (before.passed and not probe.tried):
            found[probe.name] = probe
    return tuple(found.values())


def _common(shards: Sequence[Stored]) -> Record:
    """Return the fields in which all heads agree; the others are counted anew."""
    first, *rest = (shard.head for shard in shards)
    return {
        name: value
        for name, value in first.items()
        if name != "schema_version" and all(name in head and head[name] == value for head in rest)
    }


def _environment(shards: Sequence[Stored]) -> Record:
    """Return what the shards were played on, where every one has kept it."""
    kept = [shard.environment for shard in shards]
    known = [one for one in kept if one]
    return {"environment": environment.merged(known)} if len(known) == len(kept) else {}


def _no_scenario_twice(shards: Iterable[Stored]) -> None:
    owners: dict[int, Stored] = {}
    for shard in shards:
        for number, result in shard.results.items():
            owner = owners.setdefault(number, shard)
            if owner is not shard:
                raise NotOneCampaign(
                    f"{owner.path} and {shard.path} both have a result of {result.scenario.id}; "
                    "merge each shard once"
                )


def _brief(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{number} {name}" for name, number in value.items())
    return str(value)
