"""The service directory of an instance: which crypto units it has and where they answer.

It stands in for the cloud endpoint that lists the units of a service instance. One JSON file, written by
whoever starts the instance, read by tke and kms, without secrets.
"""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from hsm_emulator import durable


class UnitType(StrEnum):
    """What a crypto unit is for."""

    OPERATIONAL = "OPERATIONAL"
    RECOVERY = "RECOVERY"
    FAILOVER = "FAILOVER"


@dataclass(frozen=True)
class UnitEntry:
    """One crypto unit as the directory lists it; ``number`` starts at 1."""

    number: int
    type: UnitType
    location: str
    module: str
    domain: int
    admin_socket: str


@dataclass(frozen=True)
class Instance:
    """A service instance: identity, kms endpoint and crypto units in number order."""

    instance: str
    region: str
    resource_group: str
    account: str
    user: str
    kms_socket: str
    units: tuple[UnitEntry, ...]


def read(path: Path) -> Instance:
    """Read a directory file; raises OSError, KeyError or ValueError where it is absent or malformed."""
    value = json.loads(path.read_text())
    units = tuple(UnitEntry(**{**unit, "type": UnitType(unit["type"])}) for unit in value.pop("units"))
    return Instance(**value, units=units)


def write(path: Path, instance: Instance) -> None:
    """Write a directory file atomically."""
    durable.replace_json(path, asdict(instance), mode=0o644)
