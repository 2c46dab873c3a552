"""What a crypto unit is (unit.json, fixed at the factory) and what it holds (state.json).

Public material only: master keys are named here, their bytes stay in the token.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hsm_emulator import durable
from hsm_emulator.instance import UnitType
from hsm_emulator.unit.administrators import Administrator
from hsm_emulator.unit.registers import EMPTY_PATTERN, MasterKey, Registers


@dataclass(frozen=True)
class Identity:
    """Who a unit is: number in the instance, type, location, module id (16 hex digits), domain index."""

    number: int
    type: UnitType
    location: str
    module: str
    domain: int

    @property
    def token_label(self) -> str:
        """Label of the unit's PKCS#11 token."""
        return f"unit{self.number}"


@dataclass(frozen=True)
class UnitState:
    """The durable state; by default that of the factory: imprint mode, registers empty."""

    counter: int = 0
    signature_threshold: int = 0
    revocation_threshold: int = 0
    administrators: tuple[Administrator, ...] = ()
    registers: Registers = field(default_factory=Registers)

    @property
    def imprint(self) -> bool:
        """Whether the unit is in imprint mode."""
        return self.signature_threshold == 0


@dataclass(frozen=True)
class Folder:
    """The folder of a unit and the files in it."""

    path: Path

    @property
    def identity(self) -> Path:
        """Who the unit is."""
        return self.path / "unit.json"

    @property
    def state(self) -> Path:
        """What the unit holds."""
        return self.path / "state.json"

    @property
    def pin(self) -> Path:
        """User PIN of the token; the kms reads it too."""
        return self.path / "pin"

    @property
    def iam_secret(self) -> Path:
        """Secret of the instance's bearer tokens."""
        return self.path / "iam.secret"

    @property
    def softhsm_conf(self) -> Path:
        """Configuration of the token library; written at each start, because the folder may have moved."""
        return self.path / "softhsm2.conf"

    @property
    def module(self) -> Path:
        """What PKCS#11 module is behind the unit; absent where it is SoftHSM."""
        return self.path / "module.json"

    @property
    def config(self) -> Path:
        """Files that a module reads beside its token, written anew where the unit stands now."""
        return self.path / "config"

    @property
    def tokens(self) -> Path:
        """The module's files of the token."""
        return self.path / "tokens"

    @property
    def lock(self) -> Path:
        """Held (flock) by the process that works on the folder."""
        return self.path / "lock"


def write_identity(folder: Folder, identity: Identity) -> None:
    """Write unit.json."""
    durable.replace_json(folder.identity, asdict(identity))


def read_identity(folder: Folder) -> Identity:
    """Read unit.json; raises OSError, KeyError, TypeError or ValueError where absent or malformed."""
    value = json.loads(folder.identity.read_text())
    return Identity(**{**value, "type": UnitType(value["type"])})


def write_state(folder: Folder, state: UnitState) -> None:
    """Replace state.json: the instant at which a command takes effect."""
    durable.replace_json(folder.state, asdict(state))


def read_state(folder: Folder) -> UnitState:
    """Read state.json; raises OSError, KeyError, TypeError or ValueError where absent or malformed."""
    value = json.loads(folder.state.read_text())
    administrators = tuple(Administrator(**entry) for entry in value.pop("administrators"))
    registers = value.pop("registers")
    keys = {name: MasterKey(**registers[name]) if registers[name] else None for name in ("current", "new")}
    return UnitState(
        **value,
        administrators=administrators,
        registers=Registers(current=keys["current"], new=keys["new"], committed=registers["committed"]),
    )


def describe(identity: Identity, state: UnitState) -> dict[str, Any]:
    """Return the unit as the unsigned query shows it."""
    registers = state.registers
    return {
        **asdict(identity),
        "imprint": state.imprint,
        "signature_threshold": state.signature_threshold,
        "revocation_threshold": state.revocation_threshold,
        "counter": state.counter,
        "administrators": [{"name": each.name, "ski": each.ski} for each in state.administrators],
        "registers": {
            "current": _describe_register(registers.current_state, registers.current),
            "new": _describe_register(registers.new_state, registers.new),
        },
    }


def _describe_register(state: str, key: MasterKey | None) -> dict[str, Any]:
    if key is None:
        return {"state": state, "pattern": EMPTY_PATTERN, "key_id": None}
    return {"state": state, "pattern": key.pattern, "key_id": key.key_id}
