"""Commands about the master key registers of the selected crypto units.

Each goes through the units in number order and stops at the first that refuses; units before it stay changed,
for nothing is atomic across units.
"""

import base64
from collections.abc import Sequence

from hsm_emulator.tke import mkpart, precheck, screen, sigkey, transfer
from hsm_emulator.tke.cloud import states
from hsm_emulator.tke.context import Context
from hsm_emulator.tke.cryptounit import CryptoUnit
from hsm_emulator.tke.errors import Failed
from hsm_emulator.tke.precheck import PrecheckFacts
from hsm_emulator.tke.sigkey import UnlockedKey
from hsm_emulator.unit.command import Command
from hsm_emulator.unit.keypart import wrap_part

_SETIMM_WARNING = (
    "Warning!  Any key storage associated with the targeted service instance must be prepared to accept the "
    "new master key value before running this command.  Otherwise, key storage may become unusable."
)
_PART_COUNTS = (2, 3)
_CLEARED = {
    Command.CLRNEW: ("new", screen.new_registers),
    Command.CLRCUR: ("current", screen.current_registers),
}


def show(context: Context) -> None:
    """Show the new and the current master key registers."""
    instance, units = context.selected()
    context.terminal.say(*screen.new_registers(instance, states(units)), "")
    context.terminal.say(*screen.current_registers(instance, states(units)))


def load(context: Context) -> None:
    """Load the new master key registers from two or three key parts of the workstation."""
    instance, units = context.selected()
    parts = {part.number: part for part in mkpart.read_all(context.workstation)}
    context.terminal.say(*screen.key_parts(list(parts.values())))
    if len(parts) < min(_PART_COUNTS):
        raise Failed("Two key parts are needed at least; make them with 'ibmcloud tke mk-add'.")
    numbers = context.ask_numbers(
        "Enter the KEYNUM values of the master key parts you wish to load.",
        "2 or 3 values must be specified, separated by spaces.",
        allowed=list(parts),
        counts=_PART_COUNTS,
    )
    signers = context.signers(units, Command.IMPORTER, Command.LOAD)
    values = [
        parts[number].unlock(context.terminal.ask_hidden(f"Enter the password for key file {number}"))
        for number in numbers
    ]
    for unit in units:
        _load(unit, values, signers)
    context.terminal.say(
        "OK", "The new master key register has been loaded in the selected crypto units.", ""
    )
    context.terminal.say(*screen.new_registers(instance, states(units)))


def commit(context: Context) -> None:
    """Commit the new master key registers."""
    instance, units = context.selected()
    signers = context.signers(units, Command.COMMIT)
    for unit in units:
        transfer.commit(unit, signers)
    context.terminal.say(
        "OK", "The new master key register has been committed in the selected crypto units.", ""
    )
    context.terminal.say(*screen.new_registers(instance, states(units)))


def set_immediate(context: Context) -> None:
    """Make the committed new master keys current; refused before any change where they differ."""
    instance, units = context.selected()
    current_keys = sigkey.read_current(context.workstation)
    facts = PrecheckFacts(states(units), len(instance.units), current_keys, (Command.SETIMM,))
    keys = precheck.require(facts, precheck.SET_IMMEDIATE)
    context.terminal.confirm(_SETIMM_WARNING)
    signers = context.unlock(keys)
    for unit in units:
        transfer.set_immediate(unit, signers)
    context.terminal.say("OK", "Set immediate completed successfully in the selected crypto units.", "")
    context.terminal.say(*screen.new_registers(instance, states(units)), "")
    context.terminal.say(*screen.current_registers(instance, states(units)))


def clear_new(context: Context) -> None:
    """Clear the new master key registers."""
    _clear(
        context,
        Command.CLRNEW,
        "Key storage that is already rewrapped for the new master key becomes unusable with it.",
    )


def clear_current(context: Context) -> None:
    """Clear the current master key registers."""
    _clear(
        context,
        Command.CLRCUR,
        "Any key storage protected by the current master key becomes unusable.",
    )


def zeroize(context: Context) -> None:
    """Return the selected units to imprint mode, without administrators and master keys."""
    instance, units = context.selected()
    context.terminal.confirm(question="Are you sure you want to zeroize the selected crypto units?")
    signers = context.signers(units, Command.ZEROIZE)
    for unit in units:
        unit.command(Command.ZEROIZE, signers=signers)
    context.terminal.say("OK", "The selected crypto units have been zeroized.", "")
    context.terminal.say(*screen.thresholds(instance, states(units)))


def _load(unit: CryptoUnit, values: Sequence[bytes], signers: Sequence[UnlockedKey]) -> None:
    importer = unit.command(Command.IMPORTER, signers=signers)
    wrapped = [wrap_part(base64.b64decode(importer["public_key"]), value) for value in values]
    parts = [
        {"public_key": base64.b64encode(point).decode(), "wrapped": base64.b64encode(blob).decode()}
        for point, blob in wrapped
    ]
    unit.command(Command.LOAD, {"importer_id": importer["importer_id"], "parts": parts}, signers)


def _clear(context: Context, command: Command, consequence: str) -> None:
    which, shown = _CLEARED[command]
    instance, units = context.selected()
    context.terminal.confirm(f"Warning!  {consequence}")
    signers = context.signers(units, command)
    for unit in units:
        unit.command(command, signers=signers)
    context.terminal.say(
        "OK", f"The {which} master key register has been cleared in the selected crypto units.", ""
    )
    context.terminal.say(*shown(instance, states(units)))
