"""All measurements in one report, and how much is done for each."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hil.targets.hpcs.rig.modules.equipment import Equipment, Wanted
from hil.targets.hpcs.rig.workplace import workplace
from hil.targets.hpcs.tools.bench import keystore, loops, machine, scenarios, start
from hil.targets.hpcs.tools.bench.site import site

SCHEMA_VERSION = 1
Report = dict[str, Any]


@dataclass(frozen=True)
class Effort:
    """How much to measure; ``sizes``: keys, and how many rotations of so many; ``kills``: keys rotated so."""

    profile: str
    sample: int
    jobs: tuple[int, ...]
    loop_rows: int
    loop_rounds: int
    sizes: tuple[tuple[int, int], ...]
    kills: int
    starts: int

    def with_jobs(self, jobs: int) -> "Effort":
        """Return the same with as many rigs side by side as campaigns have, ``jobs``, measured as well."""
        return replace(self, jobs=tuple(sorted({*self.jobs, jobs})))

    def up_to(self, keys: int) -> "Effort":
        """Return the same with ``keys`` as the largest key store."""
        smaller = tuple(size for size in self.sizes if size[0] < keys)
        return replace(self, sizes=(*smaller, (keys, 1)), kills=keys)


FULL = Effort("default", 200, (1, 2), 10_000, 5, ((1_000, 5), (10_000, 3), (50_000, 1)), 50_000, 7)
QUICK = Effort("smoke", 4, (1,), 1_000, 2, ((200, 1), (600, 1)), 600, 1)


def measure(effort: Effort, wanted: Wanted, peer: Path | None, tell: Callable[[str], None]) -> Report:
    """Measure everything; ``tell`` hears what is being measured. Raises Broken."""
    equipment = wanted.chosen()
    with _reporting(equipment) as (report, folder):
        with site(equipment) as made:
            tell(f"loops of {effort.loop_rows} rewraps, {effort.loop_rounds} rounds")
            made.new_master_key()
            ways, skipped = loops.ways(made, folder, peer)
            report["rewrap"] = loops.measure(made, ways, effort.loop_rows, effort.loop_rounds)
            report["skipped"] = skipped
            made.promote()
            tell(f"key stores of {', '.join(str(keys) for keys, _ in effort.sizes)} keys")
            report["keystore"] = keystore.measure(made, effort.sizes)
            report["growth"] = keystore.growth(report["keystore"])
            tell(f"rotation of {effort.kills} keys with kills in between")
            report["kills"] = keystore.with_kills(made, effort.kills)
            tell("starts of programs")
            report["start"] = start.measure(made, effort.starts)
        tell(f"campaigns of {effort.sample} scenarios")
        played = scenarios.measure(folder, effort.profile, effort.sample, effort.jobs, wanted)
        report["scenarios"] = list(played)
    return report


def kills(effort: Effort, wanted: Wanted, tell: Callable[[str], None]) -> Report:
    """Rotate one large key store with kills in between, and nothing else."""
    equipment = wanted.chosen()
    with _reporting(equipment) as (report, _), site(equipment) as made:
        tell(f"rotation of {effort.kills} keys with kills in between")
        report["kills"] = keystore.with_kills(made, effort.kills)
    return report


@contextmanager
def _reporting(equipment: Equipment) -> Iterator[tuple[Report, Path]]:
    """Give a report that says where, on what and how long, and a folder that is gone afterwards."""
    began = time.monotonic()
    on = {"keystore": equipment.keystore, "module": equipment.module and equipment.module.name}
    report: Report = {"schema_version": SCHEMA_VERSION, "machine": machine.describe(), "equipment": on}
    with workplace() as place:
        yield report, place.folder
    report["seconds"] = round(time.monotonic() - began, 1)
