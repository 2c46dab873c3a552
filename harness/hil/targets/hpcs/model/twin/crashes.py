"""The crash state of a result of campaign.json, as an instance of the twin."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hil.targets.hpcs.model.twin.instance import OLD, PARTS, TwinInstance, TwinUnit

_STATE = re.compile(
    r"(?P<flow>\w+) (?P<command>\S+) (?P<ended>\w+) messages (?P<shown>none|1?2?) \| (?P<units>[^|]+) \| "
    r"rows (?P<current>\d+)\+(?P<new>\d+)\+(?P<neither>\d+) \| (?P<gate>open|shut) \| "
    r"selected (?P<selected>none|[\d,]+)"
)
_UNIT = re.compile(r"(\d+):([^/\s]+)/([^?\s]+)(\??)")
NOWHERE = "?"  # the master key of rows that no register can read


class UnreadableState(ValueError):
    """The name of a crash state that this version does not understand."""


@dataclass(frozen=True)
class CrashAt:
    """A crash state: what the operator's last command was, how it ended, and the instance."""

    flow: str
    command: str
    ended: str
    instance: TwinInstance


def stopped(record: Mapping[str, Any]) -> CrashAt | None:
    """Return the crash state of a rotation that stopped; None where it did not, or where nothing is known."""
    try:
        crash = read(record) if record.get("state") else None
    except UnreadableState:
        return None
    return crash if crash and crash.ended != "ok" else None


def read(record: Mapping[str, Any]) -> CrashAt:
    """Read the ``state`` of a result (the form of model.crash); raises UnreadableState.

    Rows that are under some CURRENT register of a partly promoted set are taken to be under the new key:
    the documents let no unit be promoted before the last row is rewrapped. If the instance does otherwise,
    the prediction fails, as it should.
    """
    match = _STATE.fullmatch(record["state"])
    if not match or not record["state_at_crash"]:
        raise UnreadableState(record["state"])
    names = {"N1": PARTS} if match["flow"] == "parts" else {}
    types = {unit["number"]: unit["type"] for unit in record["state_at_crash"]["units"]}
    units = tuple(
        _unit(int(number), types[int(number)], _key(current, names), _key(new, names), open_)
        for number, current, new, open_ in _UNIT.findall(match["units"])
    )
    rotated = {key for unit in units for key in (unit.current, unit.new) if key} - {OLD}
    key = min(rotated, default=None)
    promoted = any(unit.current == key for unit in units) if key else False
    counts = {key if promoted and key else OLD: int(match["current"]), NOWHERE: int(match["neither"])}
    if key and not promoted:
        counts[key] = int(match["new"])
    return CrashAt(
        match["flow"],
        match["command"],
        match["ended"],
        TwinInstance(
            units=units,
            rows=tuple(sorted((name, count) for name, count in counts.items() if count)),
            selected=tuple(map(int, match["selected"].split(","))) if match["selected"] != "none" else (),
            target=key if match["gate"] == "shut" else None,
            made=len(rotated - {PARTS}),
            shown=frozenset(map(int, match["shown"])) if match["shown"] != "none" else frozenset(),
        ),
    )


def _unit(number: int, kind: str, current: str | None, new: str | None, uncommitted: str) -> TwinUnit:
    return TwinUnit(number, kind, current, new, committed=new is not None and not uncommitted)


def _key(name: str, names: Mapping[str, str]) -> str | None:
    return None if name == "-" else names.get(name, name)
