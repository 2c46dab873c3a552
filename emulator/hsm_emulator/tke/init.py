"""``auto-init``: from factory state to one common master key, with the recovery units as its backup."""

from collections.abc import Sequence

from hsm_emulator.instance import Instance, UnitType
from hsm_emulator.tke import precheck, screen, sigkey
from hsm_emulator.tke.administrators import THRESHOLDS
from hsm_emulator.tke.cloud import states
from hsm_emulator.tke.context import Context
from hsm_emulator.tke.cryptounit import CryptoUnit
from hsm_emulator.tke.errors import Failed
from hsm_emulator.tke.precheck import PrecheckFacts
from hsm_emulator.tke.sigkey import SignatureKey, UnlockedKey
from hsm_emulator.tke.transfer import commit, copy_master_key, set_immediate
from hsm_emulator.tke.workstation import identity
from hsm_emulator.unit.command import Command

ADMINISTRATORS_MAX = 8


def initialize(context: Context) -> None:
    """Install administrators, set thresholds and a random master key in all units of the instance."""
    cloud = context.cloud()
    instance = cloud.instance
    units = cloud.crypto_units(instance.units)
    precheck.require(PrecheckFacts(states(units), len(units), (), (Command.ADMIN_ADD,)), precheck.INITIALIZE)
    available = {key.number: key for key in sigkey.read_all(context.workstation)}
    if not available:
        raise Failed(*screen.signature_keys((), ()))
    _announce(context, instance)
    parameters = _ask_thresholds(context)
    chosen = _ask_keys(context, available, parameters)
    signers = [
        key.unlock(context.terminal.ask_hidden(f"Enter the password for KEYNUM {key.number}:"))
        for key in chosen
    ]
    context.workstation.select(instance, map(identity, instance.units))
    context.workstation.make_current(key.number for key in chosen)
    _install(context, units, chosen)
    context.terminal.say("Setting signature thresholds....")
    for unit in units:
        unit.command(Command.THRESHOLD_SET, parameters, signers)
    _set_master_key(context, units, signers)
    context.terminal.say(
        "",
        "OK",
        "The selected service instance has been initialized.",
        "To see what administrators are installed and what signature threshold and master key register "
        "values are set, use the 'ibmcloud tke cryptounit-compare' command.",
    )


def _announce(context: Context, instance: Instance) -> None:
    selected = frozenset(map(identity, instance.units))
    context.terminal.say(*screen.crypto_units(instance, selected), "")
    context.terminal.say("All crypto units of the service instance will be selected and initialized.", "")


def _ask_thresholds(context: Context) -> dict[str, int]:
    context.terminal.say("ENTER SIGNATURE THRESHOLD VALUES")
    return {
        "signature": context.ask_number("Enter the signature threshold value (1 to 8):", THRESHOLDS),
        "revocation": context.ask_number(
            "Enter the revocation signature threshold value (1 to 8):", THRESHOLDS
        ),
    }


def _ask_keys(
    context: Context, available: dict[int, SignatureKey], parameters: dict[str, int]
) -> list[SignatureKey]:
    """Ask which administrators to install: as many as the higher threshold at least."""
    context.terminal.say("", "ENTER NUMBER OF ADMINISTRATORS TO INSTALL")
    fewest = max(parameters.values())
    most = min(len(available), ADMINISTRATORS_MAX)
    if most < fewest:
        raise Failed(
            f"{fewest} signature keys are needed, {most} are on this workstation; make more with "
            "'ibmcloud tke sigkey-add'. Nothing was changed."
        )
    count = context.ask_number(
        f"Enter the number of administrators ({fewest} to {most}):", range(fewest, most + 1)
    )
    current = context.workstation.current_signature_keys()
    context.terminal.say("", "SELECT EXISTING SIGNATURE KEY FILES TO USE")
    context.terminal.say(*screen.signature_keys(list(available.values()), current), "")
    numbers = context.ask_numbers(
        f"Enter {count} KEYNUM values of signature keys, separated by spaces:",
        allowed=list(available),
        counts=(count,),
    )
    return [available[number] for number in numbers]


def _install(context: Context, units: Sequence[CryptoUnit], keys: Sequence[SignatureKey]) -> None:
    for done, key in enumerate(keys, start=1):
        context.terminal.say(f"Installing {done} of {len(keys)} administrators....")
        for unit in units:
            unit.command(Command.ADMIN_ADD, {"name": key.name, "public_key": key.public_key})


def _set_master_key(context: Context, units: Sequence[CryptoUnit], signers: Sequence[UnlockedKey]) -> None:
    """With both registers Empty a generated key is current at once; the others get it and promote it."""
    context.terminal.say("Generating a random master key value....")
    source = next(unit for unit in units if unit.entry.type is UnitType.RECOVERY)
    source.command(Command.GENERATE, signers=signers)
    targets = [unit for unit in units if unit is not source]
    for done, target in enumerate(targets, start=1):
        context.terminal.say(
            f"Transferring the master key value to {done} of {len(targets)} crypto units...."
        )
        copy_master_key(source, "current", target, signers)
        commit(target, signers)
        set_immediate(target, signers)
