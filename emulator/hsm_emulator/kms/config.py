"""Configuration of the service: one JSON file, read once at start."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hsm_emulator.kms.policy import IN_PLACE, POLICIES, Policy
from hsm_emulator.kms.store import location


class ConfigError(Exception):
    """The file is absent or does not say what is needed; the text names what to correct."""


@dataclass(frozen=True)
class UnitConfig:
    """Where one operational crypto unit answers; ``pin`` is the file that holds the user PIN."""

    number: int
    admin_socket: Path
    p11_socket: Path
    pin: Path
    token: str


@dataclass(frozen=True)
class Config:
    """Paths, deadlines in seconds, rows of one rewrap transaction, and the units by number.

    ``store`` is the path of an SQLite file, or the URL of a PostgreSQL database.

    ``workers``: threads of a rewrap that share its rows, on a server only, see workers.py.
    ``connections``: how many connections to operational units share a rewrap, see lanes.py.
    ``poll_seconds`` is how old a polled register state may be to serve a workload, 0: polled at each need.
    """

    store: str
    socket: Path
    iam_secret: Path
    apikey: Path
    units: tuple[UnitConfig, ...]
    poll_seconds: float = 5.0
    call_seconds: float = 5.0
    batch: int = 16
    connections: int = 1
    workers: int = 1
    policy: Policy = IN_PLACE


def read(path: Path) -> Config:
    """Read a configuration file; ConfigError where it does not hold."""
    try:
        return _config(json.loads(path.read_text()))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except KeyError as error:
        raise ConfigError(f"{path}: missing or unknown value {error}") from error
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _config(value: dict[str, Any]) -> Config:
    units = tuple(sorted((_unit(unit) for unit in value["units"]), key=lambda unit: unit.number))
    batch = int(value.get("batch", Config.batch))
    connections = int(value.get("connections", Config.connections))
    if not units or batch < 1 or connections < 1:
        raise ValueError(
            "at least one operational crypto unit, a batch of at least one row and one connection are needed"
        )
    store, workers = str(value["store"]), int(value.get("workers", Config.workers))
    if not 1 <= workers <= (connections if location.is_server(store) else 1):
        raise ValueError("workers: one, or on a PostgreSQL server as many as there are connections to units")
    return Config(
        store=store,
        socket=Path(value["socket"]),
        iam_secret=Path(value["iam_secret"]),
        apikey=Path(value["apikey"]),
        units=units,
        poll_seconds=float(value.get("poll_seconds", Config.poll_seconds)),
        call_seconds=float(value.get("call_seconds", Config.call_seconds)),
        batch=batch,
        connections=connections,
        workers=workers,
        policy=POLICIES[value.get("policy", IN_PLACE.name)],
    )


def _unit(value: dict[str, Any]) -> UnitConfig:
    return UnitConfig(
        number=int(value["number"]),
        admin_socket=Path(value["admin_socket"]),
        p11_socket=Path(value["p11_socket"]),
        pin=Path(value["pin"]),
        token=str(value["token"]),
    )
