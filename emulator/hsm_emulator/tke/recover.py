"""``auto-mk-recover``: the current master key of a recovery crypto unit becomes that of other units.

It knows nothing of key storage: from a recovery unit that a rotation has not reached yet it brings back the
old key. It cannot bring back a new register.
"""

from collections.abc import Sequence

from hsm_emulator.instance import UnitType
from hsm_emulator.registers import RegisterState
from hsm_emulator.tke import precheck, screen, sigkey, transfer
from hsm_emulator.tke.cloud import states
from hsm_emulator.tke.context import Context
from hsm_emulator.tke.cryptounit import CryptoUnit
from hsm_emulator.tke.errors import Failed
from hsm_emulator.tke.precheck import PrecheckFacts
from hsm_emulator.unit.command import Command

_COMMANDS = (*transfer.COMMANDS_USED, Command.COMMIT, Command.SETIMM)


def recover(context: Context) -> None:
    """Copy the current master key of a selected recovery unit to the other selected units."""
    instance, units = context.selected()
    current_keys = sigkey.read_current(context.workstation)
    facts = PrecheckFacts(states(units), len(instance.units), current_keys, _COMMANDS)
    keys = precheck.require(facts, precheck.RECOVER)
    context.terminal.say(*screen.current_registers(instance, states(units)), "")
    source = _choose_source(context, units)
    targets = [unit for unit in units if unit is not source]
    _require_empty_new(targets)
    context.terminal.confirm(
        "Warning!  The current master key of the other selected crypto units will be replaced.  Key storage "
        "protected by it may become unusable."
    )
    signers = context.unlock(keys)
    for done, target in enumerate(targets, start=1):
        if target.state.current.compared == source.state.current.compared:
            context.terminal.say(f"Crypto unit {target.entry.number} already holds the master key value.")
            continue
        context.terminal.say(
            f"Transferring the master key value to {done} of {len(targets)} crypto units...."
        )
        transfer.copy_master_key(source, "current", target, signers)
        transfer.commit(target, signers)
        transfer.set_immediate(target, signers)
    context.terminal.say("", "OK", "The master key has been recovered in the selected crypto units.", "")
    context.terminal.say(*screen.current_registers(instance, states(units)))


def _choose_source(context: Context, units: Sequence[CryptoUnit]) -> CryptoUnit:
    sources = {
        unit.entry.number: unit
        for unit in units
        if unit.entry.type is UnitType.RECOVERY and unit.state.current.state is RegisterState.VALID
    }
    if not sources:
        raise Failed(
            "No recovery crypto unit with a Valid current master key register is selected.",
            "Select one with 'ibmcloud tke cryptounit-add'. Nothing was changed.",
        )
    if len(units) == 1:
        raise Failed("Select also the crypto units that are to receive the master key. Nothing was changed.")
    if len(sources) == 1:
        return next(iter(sources.values()))
    number = context.ask_number(
        "Enter the CRYPTO UNIT NUM of the recovery crypto unit to copy from:", list(sources)
    )
    return sources[number]


def _require_empty_new(targets: Sequence[CryptoUnit]) -> None:
    """A unit imports into an Empty register only; seen beforehand, so that no unit is changed in vain."""
    full = [str(unit.entry.number) for unit in targets if unit.state.new.state is not RegisterState.EMPTY]
    if full:
        raise Failed(
            f"The new master key register is not Empty in crypto unit {', '.join(full)}.",
            "Unless key storage was rewrapped, use 'ibmcloud tke cryptounit-mk-clrnew'. Nothing was changed.",
        )
