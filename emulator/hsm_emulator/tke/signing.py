"""Who signs: how many signatures a command needs on a unit, and which signature keys can give them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hsm_emulator.tke.errors import Failed
from hsm_emulator.tke.sigkey import SignatureKey
from hsm_emulator.tke.unitstate import UnitStatus
from hsm_emulator.unit.command import COMMANDS, Command, Signatures


def signatures_needed(command: Command, unit: UnitStatus, parameters: Mapping[str, Any] | None = None) -> int:
    """Return the number of signatures that ``unit`` demands for ``command`` in its present mode.

    In imprint mode commands are unsigned, except that who sets thresholds has to reach the new one.
    """
    if unit.imprint:
        return int((parameters or {})["signature"]) if command is Command.THRESHOLD_SET else 0
    return {
        Signatures.ONE: 1,
        Signatures.SIGNATURE_THRESHOLD: unit.signature_threshold,
        Signatures.REVOCATION_THRESHOLD: unit.revocation_threshold,
    }[COMMANDS[command]]


def choose(
    keys: Sequence[SignatureKey],
    units: Iterable[UnitStatus],
    commands: Iterable[Command],
    parameters: Mapping[str, Any] | None = None,
) -> list[SignatureKey]:
    """Return the first of ``keys`` that are installed wherever a signature is needed, as many as are needed.

    Raises Failed where there are too few.
    """
    wanted = list(commands)
    needs = [(unit, max(signatures_needed(name, unit, parameters) for name in wanted)) for unit in units]
    signed = [unit for unit, count in needs if count]
    needed = max((count for _, count in needs), default=0)
    usable = [key for key in keys if all(key.ski in unit.skis for unit in signed)]
    if len(usable) < needed:
        raise Failed(
            f"{needed} current signature keys are needed that are installed as administrators in all these "
            f"crypto units; there are {len(usable)}.",
            "Select signature keys with 'ibmcloud tke sigkey-sel', or install administrators with "
            "'ibmcloud tke cryptounit-admin-add'.",
        )
    return usable[:needed]
