"""From what instances are made of to what a campaign makes rigs with: the one way to a Bench."""

import shutil
import uuid
from pathlib import Path

from harness.campaign.rundir import RunDir
from harness.campaign.worker import Bench
from harness.modules.equipment import Equipment
from harness.modules.install import install
from harness.procedures.book import Book
from harness.rig.layout import scratch
from harness.sut import Shape


def bench(
    equipment: Equipment, shape: Shape, evidence: Path = Path(), book: Book | None = None, run: str = ""
) -> Bench:
    """Return what the rigs of a run have in common, with a new folder for them; raises NoScratch.

    ``run`` is the label of its containers; empty: a new one.
    """
    root = scratch("hil-")
    try:
        installed = install(equipment.module, root / "module") if equipment.module else None
    except BaseException:
        shutil.rmtree(root, ignore_errors=True)
        raise
    run = run or f"run-{uuid.uuid4().hex[:8]}"
    return Bench(run, root, shape, equipment.image, evidence, book or Book(), equipment.server, installed)


def keep(rundir: RunDir, equipment: Equipment) -> None:
    """Keep what the instances of a run are made of, so that a replay is made of the same; see RunDir."""
    module = equipment.module
    rundir.keep_equipment(equipment.backend, equipment.server or None, module.source if module else None)
