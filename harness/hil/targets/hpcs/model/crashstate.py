"""What the instance looked like when the first fault had struck and nothing moved any more."""

from dataclasses import asdict, dataclass
from typing import Any

from hil.targets.hpcs.model.registers import UnitRegisters


@dataclass(frozen=True)
class RowCounts:
    """Rows of the key store by master key: under CURRENT, under NEW, under neither."""

    current: int
    new: int
    unreadable: int


@dataclass(frozen=True)
class CrashState:
    """Registers of every crypto unit, and rows."""

    units: tuple[UnitRegisters, ...]
    rows: RowCounts

    def record(self) -> dict[str, Any]:
        """Return the field ``state_at_crash`` of campaign.json, patterns cut to 8 digits."""
        return {"units": [unit.brief() for unit in self.units], "rows": asdict(self.rows)}
