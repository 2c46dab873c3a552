"""The rewrap job of the kms, key store and all: keys a second by size, memory, and with kills in between."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hil.targets.hpcs.rig.process import ready
from hil.targets.hpcs.tools.bench import process
from hil.targets.hpcs.tools.bench.site import BATCH, Broken, Site

CONNECTIONS = (1, 2)
KILLED = ("kms", "unit", "kms")  # at a quarter, half, and three quarters of the rows
KILL_ROUNDS = 64  # at least so many transactions, so that a kill finds the job in the middle
REWRAP_SECONDS = 1800.0
REWRAP = "/api/v2/rotation/rewrap"


@dataclass(frozen=True)
class RewrapTiming:
    """One rewrap of the whole key store; ``kms_us`` and ``unit_us`` are processor time for a key."""

    seconds: float
    kms_us: float
    unit_us: float
    kms_mb: float
    unit_mb: float


@dataclass(frozen=True)
class Figure:
    """Medians over the rotations of one size; memory is the highest."""

    keys: int
    connections: int
    batch: int
    rotations: int
    per_second: int
    us_per_key: float
    kms_us: float
    unit_us: float
    kms_peak_mb: float
    unit_peak_mb: float


def measure(site: Site, sizes: Sequence[tuple[int, int]]) -> list[dict[str, object]]:
    """Rewrap key stores of several sizes, ``(keys, rotations)`` each, smallest first."""
    return [
        asdict(_figure(site, keys, connections, rotations))
        for keys, rotations in sizes
        for connections in CONNECTIONS
    ]


def growth(figures: Sequence[dict[str, Any]]) -> list[dict[str, object]]:
    """Return what a key costs in the largest key store, as a ratio to the smallest one, by connections.

    By the clock, and in processor time of kms and unit, which a busy machine changes less.
    """
    grown: list[dict[str, object]] = []
    for connections in CONNECTIONS:
        same = [figure for figure in figures if figure["connections"] == connections]
        small, large = same[0], same[-1]
        busy = [figure["kms_us"] + figure["unit_us"] for figure in (small, large)]
        grown.append(
            {
                "connections": connections,
                "from": small["keys"],
                "to": large["keys"],
                "clock": round(large["us_per_key"] / small["us_per_key"], 2),
                "busy": round(busy[1] / busy[0], 2) if busy[0] else None,
            }
        )
    return grown


def _figure(site: Site, keys: int, connections: int, rotations: int) -> Figure:
    site.fill(keys)
    site.start_kms(connections=connections)
    taken = [_rotate(site) for _ in range(rotations)]
    seconds = statistics.median(rotation.seconds for rotation in taken)
    return Figure(
        keys=site.rows,
        connections=connections,
        batch=BATCH,
        rotations=rotations,
        per_second=round(site.rows / seconds),
        us_per_key=round(seconds / site.rows * 1e6, 1),
        kms_us=round(statistics.median(rotation.kms_us for rotation in taken), 1),
        unit_us=round(statistics.median(rotation.unit_us for rotation in taken), 1),
        kms_peak_mb=round(max(rotation.kms_mb for rotation in taken), 1),
        unit_peak_mb=round(max(rotation.unit_mb for rotation in taken), 1),
    )


def _rotate(site: Site) -> RewrapTiming:
    """Rotate once, timing the rewrap alone, and read every key afterwards."""
    site.new_master_key()
    rest = site.rest()
    kms, server = site.kms.pid, site.server_pid
    kms_before, unit_before = process.busy_seconds(kms), process.busy_seconds(server)
    began = time.perf_counter()
    job = rest.call("POST", f"{REWRAP}?wait={REWRAP_SECONDS:g}", {})["job"]
    seconds = time.perf_counter() - began
    _require_done(job, site)
    result = RewrapTiming(
        seconds,
        (process.busy_seconds(kms) - kms_before) / site.rows * 1e6,
        (process.busy_seconds(server) - unit_before) / site.rows * 1e6,
        process.peak_mb(kms),
        max(map(process.peak_mb, process.children(server))),
    )
    site.promote()
    site.check()
    return result


def _require_done(job: dict[str, Any], site: Site) -> None:
    if job["state"] != "done" or job["rewrapped"] != site.rows:
        raise Broken(f"rewrap: {job['state']}, {job['rewrapped']} of {site.rows} rows: {job['error']}")


def with_kills(site: Site, keys: int) -> dict[str, object]:
    """Rotate once while kms and unit are killed; Broken where a single key is lost.

    ``rows_done`` of a kill: rows that were under the new master key when nothing moved any more.
    """
    site.fill(keys)
    site.start_kms(connections=CONNECTIONS[-1], batch=min(BATCH, keys // KILL_ROUNDS))
    site.new_master_key()
    began = time.perf_counter()
    kills, peak = [], 0.0
    for step, victim in enumerate(KILLED, start=1):
        _rewrap_until(site, site.rows * step // (len(KILLED) + 1))
        peak = max(peak, process.peak_mb(site.kms.pid))
        if victim == "kms":
            site.kms.kill()
            site.start_kms()
        else:
            site.kill_unit()
            _end(site)
        kills.append({"victim": victim, "rows_done": site.rows_done()})
    _rewrap_until(site, site.rows)
    _require_done(_end(site), site)
    peak = max(peak, process.peak_mb(site.kms.pid))
    seconds = time.perf_counter() - began
    site.promote()
    site.check()
    return {
        "keys": site.rows,
        "kills": kills,
        "lost": 0,
        "seconds": round(seconds, 1),
        "kms_peak_mb": round(peak, 1),
    }


def _rewrap_until(site: Site, rows: int) -> None:
    """Request the rewrap and return when that many rows are done, or when it has ended."""
    rest = site.rest()
    rest.call("POST", REWRAP, {})
    ready.until(lambda: _is_past(rest.call("GET", REWRAP)["job"], rows), "the rewrap", REWRAP_SECONDS)


def _is_past(job: dict[str, Any], rows: int) -> bool:
    return job["state"] != "running" or int(job["rewrapped"]) >= rows


def _end(site: Site) -> dict[str, Any]:
    """Wait for the end of the job."""
    job: dict[str, Any] = site.rest().call("GET", f"{REWRAP}?wait={REWRAP_SECONDS:g}")["job"]
    return job
