"""Rewrap in a loop, several programs on the same token in turn: what the way through a unit costs.

Each program has the interface of rawloop.c, and has to return the same bytes: RFC 3394 leaves no choice.
What is compared is each round's own pair, as the speed of a shared machine changes by the second.
"""

import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from hil import inherited
from hil.targets.hpcs.tools.bench.site import UNIT, Broken, Site

SECONDS = 600.0
SOURCE = Path(__file__).with_name("rawloop.c")
COMPILER = "cc"
RAW = "raw C loop"
UNIT_WAY = "through the unit"
PEER = "python-pkcs11"


@dataclass(frozen=True)
class AccessPath:
    """A program, and whether it goes through the unit's socket or opens the token itself."""

    name: str
    argv: tuple[str, ...]


@dataclass(frozen=True)
class Rate:
    """Rows a second of one round, all processes together, and processor time of a row in microseconds."""

    per_second: float
    busy_us: float


def ways(site: Site, folder: Path, peer: Path | None) -> tuple[list[AccessPath], list[dict[str, str]]]:
    """Return the programs that can be run here, and why others are left out."""
    ids = (site.register("current")["key_id"], site.register("new")["key_id"])
    inside = (site.library, site.label, *ids)
    outside = (str(site.layout.p11(UNIT)), site.label, *ids)
    found, skipped = [], []
    if compiled := _compiled(folder):
        found.append(AccessPath(RAW, (compiled, *inside)))
    else:
        skipped.append({"way": RAW, "why": f"no C compiler: there is no {COMPILER} on PATH"})
    found.append(
        AccessPath(UNIT_WAY, tuple(inherited.python("hil.targets.hpcs.tools.bench.wireloop", *outside)))
    )
    if peer:
        found.append(AccessPath(PEER, (sys.executable, str(peer), *inside)))
    else:
        skipped.append({"way": PEER, "why": "no program given with --peer"})
    return found, skipped


def _compiled(folder: Path) -> str:
    """Compile the raw loop; empty where there is no compiler."""
    compiler = shutil.which(COMPILER)
    if compiler is None:
        return ""
    target = folder / SOURCE.stem
    command = [compiler, "-O2", "-std=gnu11", "-o", str(target), str(SOURCE), "-ldl"]
    made = subprocess.run(command, env=inherited.environment(), capture_output=True, text=True, timeout=60)
    if made.returncode != 0:
        raise Broken(f"{SOURCE.name} does not compile: {made.stderr.partition(chr(10))[0]}")
    return str(target)


def measure(site: Site, ways: Sequence[AccessPath], rows: int, rounds: int) -> list[dict[str, object]]:
    """Run each way with 1 and 2 processes, all in turn, and return the medians of ``rounds`` such turns."""
    blobs = site.blobs(rows)
    cases = [(way, processes) for processes in (1, 2) for way in ways]
    taken: dict[tuple[str, int], list[Rate]] = {(way.name, processes): [] for way, processes in cases}
    with _Runner(site, blobs) as runner:
        for _ in range(rounds):
            for way, processes in cases:
                taken[way.name, processes].append(runner.run(way, processes))
    return list(_compared(taken))


class _Runner:
    """Starts programs on the same blobs and compares what they return."""

    def __init__(self, site: Site, blobs: Sequence[bytes]) -> None:
        self._given = f"{site.pin}\n".encode() + b"".join(blobs)
        self._rows = len(blobs)
        self._environment = inherited.environment(**site.token_environment)
        self._returned: bytes | None = None
        self._pool = ThreadPoolExecutor(2)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def run(self, way: AccessPath, processes: int) -> Rate:
        """Run ``processes`` of a program side by side, each on all blobs."""
        single = [self._pool.submit(self._run, way) for _ in range(processes)]
        times = [future.result() for future in single]
        busy = sum(busy for _, busy in times) / processes / self._rows * 1e6
        return Rate(sum(self._rows / seconds for seconds, _ in times), busy)

    def _run(self, way: AccessPath) -> tuple[float, float]:
        ran = subprocess.run(
            way.argv, input=self._given, env=self._environment, capture_output=True, timeout=SECONDS
        )
        if ran.returncode != 0:
            raise Broken(f"{way.name}: {ran.stderr.decode(errors='replace').strip().splitlines()[-1:]}")
        self._returned = self._returned or ran.stdout
        if ran.stdout != self._returned or len(ran.stdout) != self._rows * 40:
            raise Broken(f"{way.name} returns other keys")
        seconds, busy = map(float, ran.stderr.split())
        return seconds, busy


def _compared(taken: dict[tuple[str, int], list[Rate]]) -> Iterator[dict[str, object]]:
    yardstick = taken.get((RAW, 1))
    for (name, processes), rates in taken.items():
        ratios = [rate.per_second / raw.per_second for rate, raw in zip(rates, yardstick or (), strict=False)]
        yield {
            "way": name,
            "processes": processes,
            "per_second": round(statistics.median(rate.per_second for rate in rates)),
            "busy_us": round(statistics.median(rate.busy_us for rate in rates), 1),
            "ratio": round(statistics.median(ratios), 2) if ratios else None,
        }
