"""What a container says of itself: its run, its worker, its unit, and the process whose life it shares."""

from dataclasses import dataclass

from hil.targets.hpcs.rig.process import owner
from hil.targets.hpcs.rig.process.owner import Owner

RUN = "hil.run"
WORKER = "hil.worker"
UNIT = "hil.unit"
OWNER = "hil.owner"


@dataclass(frozen=True)
class Labels:
    """Who a container belongs to; ``made_by`` is the process whose life it shares, this one unless told."""

    run: str
    worker: str
    made_by: Owner | None = None

    @property
    def of_all(self) -> dict[str, str]:
        """What every container of the bench carries."""
        return {RUN: self.run, WORKER: self.worker, OWNER: str(self.made_by or owner.current())}

    def of_unit(self, number: int) -> dict[str, str]:
        """What the container of a unit carries."""
        return self.of_all | {UNIT: str(number)}


def owner_is_dead(label: str) -> bool:
    """Whether the owner in a label is dead; a label that cannot be read belongs to someone else."""
    try:
        return not owner.parse(label).may_live()
    except ValueError:
        return False
