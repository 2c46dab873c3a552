"""Everything of an instance that a refused command must leave as it was."""

from dataclasses import dataclass
from typing import Any

from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.oracle.rows import KeyStoreRow, read_rows
from hil.targets.hpcs.rig.rest import Rest
from hil.targets.hpcs.rig.rig import Rig


@dataclass(frozen=True)
class PublicState:
    """The public state of all units, counters included; the rows of the key store; the selected units."""

    units: tuple[dict[str, Any], ...]
    rows: tuple[KeyStoreRow, ...]
    selected: tuple[int, ...]

    @classmethod
    def of(cls, rig: Rig, rest: Rest) -> "PublicState":
        """Look at an instance."""
        units = tuple(rest.unit(number) for number in rig.shape.numbers)
        return cls(units, read_rows(rig.layout.key_store), sut.selected(rig.layout.workstation))

    def differences(self, after: "PublicState") -> tuple[str, ...]:
        """Say what is not the same any more, each in a few words."""
        changed = [
            f"crypto unit {one['number']} has changed"
            for one, other in zip(self.units, after.units, strict=True)
            if one != other
        ]
        if self.rows != after.rows:
            changed.append("rows of the key store have changed")
        if self.selected != after.selected:
            changed.append("another set of crypto units is selected")
        return tuple(changed)
