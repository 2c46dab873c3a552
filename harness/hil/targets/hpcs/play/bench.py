"""What every rig of a campaign has in common."""

from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.operator.book import Book
from hil.targets.hpcs.rig.layout import Layout
from hil.targets.hpcs.rig.modules.install import Installed
from hil.targets.hpcs.rig.rig import Rig
from hil.targets.hpcs.rig.units.containers import DockerHost
from hil.targets.hpcs.rig.units.hosts import ProcessHost, UnitHost


@dataclass(frozen=True)
class Bench:
    """What every rig of a campaign has in common; ``image`` is empty on the process backend.

    ``book`` has the procedures that scenarios name. ``server``: of key stores, see Layout.
    ``module`` is behind the crypto units, None: SoftHSM. Who has a copy of ``keep_alive`` keeps ``root``, see
    workplace; None: nobody removes it where this process is killed.
    """

    run: str
    root: Path
    shape: sut.Shape
    image: str
    evidence: Path
    book: Book = field(default_factory=Book)
    server: str = ""
    module: Installed | None = None
    keep_alive: Connection | None = None

    def layout(self, name: str) -> Layout:
        """Return the paths of a rig."""
        module = self.module.file if self.module else None
        return Layout(self.root / name / "files", self.root / name / "s", self.server, module)

    def rig(self, name: str) -> Rig:
        """Make a rig with folders of its own below ``root``."""
        layout = self.layout(name)
        host: UnitHost = DockerHost(layout, self.image, self.run, name) if self.image else ProcessHost(layout)
        return Rig(layout, self.shape, host, sut.TkeTimes())
