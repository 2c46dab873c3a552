"""From what instances are made of to what a campaign makes rigs with: the one way to a Bench."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hil.engine import environment
from hil.engine.rundir import RunDir
from hil.targets.hpcs.emulator import Shape
from hil.targets.hpcs.operator.book import Book
from hil.targets.hpcs.play.bench import Bench
from hil.targets.hpcs.rig.modules.equipment import Equipment
from hil.targets.hpcs.rig.modules.install import install
from hil.targets.hpcs.rig.workplace import workplace


@contextmanager
def bench(
    equipment: Equipment, shape: Shape, evidence: Path = Path(), book: Book | None = None, run: str = ""
) -> Iterator[Bench]:
    """Give what the rigs of a run have in common, with a folder for them that goes afterwards.

    ``run`` is the label of its containers; empty: a new one. Raises NoScratch.
    """
    run = run or f"run-{uuid.uuid4().hex[:8]}"
    with workplace(run if equipment.image else "") as place:
        yield Bench(
            run=run,
            root=place.folder,
            shape=shape,
            image=equipment.image,
            evidence=evidence,
            book=book or Book(),
            server=equipment.server,
            module=install(equipment.module, place.folder / "module") if equipment.module else None,
            keep_alive=place.keep_alive,
        )


def keep(rundir: RunDir, equipment: Equipment) -> None:
    """Keep what the instances of a run are made of, for a replay, and what they run on; see RunDir."""
    module = equipment.module
    about = {"name": module.name, "library": str(module.library)} if module else None
    rundir.keep_equipment(equipment.backend, equipment.server or None, module.source if module else None)
    environment.keep(rundir.path, environment.read(image=equipment.image, module=about))
