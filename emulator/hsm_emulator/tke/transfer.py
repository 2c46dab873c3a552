"""A master key on its way between two crypto units, wrapped to an importer key of the receiver.

The workstation carries wrapped bytes only; which key arrived is told by the verification pattern.
"""

from collections.abc import Sequence
from typing import Literal

from hsm_emulator.tke.cryptounit import CryptoUnit
from hsm_emulator.tke.errors import Failed
from hsm_emulator.tke.sigkey import UnlockedKey
from hsm_emulator.unit.command import Command

COMMANDS_USED = (Command.IMPORTER, Command.EXPORT, Command.IMPORT)


def copy_master_key(
    source: CryptoUnit,
    register: Literal["current", "new"],
    target: CryptoUnit,
    signers: Sequence[UnlockedKey],
) -> None:
    """Copy the key in ``register`` of the source to the new register of the target, which must be Empty."""
    importer = target.command(Command.IMPORTER, signers=signers)
    exported = source.command(
        Command.EXPORT, {"register": register, "public_key": importer["public_key"]}, signers
    )
    parcel = {
        "importer_id": importer["importer_id"],
        "wrapped": exported["wrapped"],
        "public_key": exported["public_key"],
    }
    target.command(Command.IMPORT, parcel, signers)
    held = source.state.new if register == "new" else source.state.current
    if target.state.new.compared != held.compared:
        raise Failed(f"Crypto unit {target.entry.number} received another master key than was sent to it.")


def commit(unit: CryptoUnit, signers: Sequence[UnlockedKey]) -> None:
    """Commit the new register of a unit."""
    unit.command(Command.COMMIT, {"pattern": unit.state.new.pattern}, signers)


def set_immediate(unit: CryptoUnit, signers: Sequence[UnlockedKey]) -> None:
    """Move the new master key of a unit to its current register; the key that was there is destroyed."""
    unit.command(Command.SETIMM, {"pattern": unit.state.new.pattern}, signers)
