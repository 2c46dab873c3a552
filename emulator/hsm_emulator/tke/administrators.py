"""Commands about administrators and signature thresholds of the selected crypto units."""

from hsm_emulator.tke import screen, sigkey
from hsm_emulator.tke.cloud import states
from hsm_emulator.tke.context import Context
from hsm_emulator.tke.errors import Failed
from hsm_emulator.unit.command import Command

THRESHOLDS = range(1, 9)


def show(context: Context) -> None:
    """Show the administrators of the selected units."""
    instance, units = context.selected()
    context.terminal.say(*screen.administrators(instance, states(units)))


def add(context: Context) -> None:
    """Install the administrator of a signature key in the selected units."""
    instance, units = context.selected()
    keys = {key.number: key for key in sigkey.read_all(context.workstation)}
    context.terminal.say(
        *screen.signature_keys(list(keys.values()), context.workstation.current_signature_keys()), ""
    )
    number = context.ask_number(
        "Enter the KEYNUM of the administrator signature key you wish to load:", list(keys)
    )
    key = keys[number]
    key.unlock(context.terminal.ask_hidden("Enter the password for the administrator signature key file:"))
    signers = context.signers(units, Command.ADMIN_ADD)
    parameters = {"name": key.name, "public_key": key.public_key}
    for unit in units:
        unit.command(Command.ADMIN_ADD, parameters, signers)
    context.terminal.say("OK", "The crypto unit administrator was added to the selected crypto units.", "")
    context.terminal.say(*screen.administrators(instance, states(units)))


def remove(context: Context) -> None:
    """Remove an administrator from the selected units that have him."""
    instance, units = context.selected()
    installed = {admin.ski: admin for unit in units for admin in unit.state.administrators}
    choices = dict(enumerate(installed.values(), start=1))
    if not choices:
        raise Failed("No administrators are installed in the selected crypto units.")
    rows = [(str(n), admin.name, f"{admin.ski[: sigkey.SKI_SHOWN]}...") for n, admin in choices.items()]
    context.terminal.say(*screen.table(("ADMIN NUM", "ADMIN NAME", "SUBJECT KEY IDENTIFIER"), rows), "")
    number = context.ask_number("Enter the ADMIN NUM of the administrator you wish to remove:", list(choices))
    ski = choices[number].ski
    having = [unit for unit in units if ski in unit.state.skis]
    signers = context.signers(having, Command.ADMIN_RM)
    for unit in having:
        unit.command(Command.ADMIN_RM, {"ski": ski}, signers)
    context.terminal.say(
        "OK", "The crypto unit administrator was removed from the selected crypto units.", ""
    )
    context.terminal.say(*screen.administrators(instance, states(units)))


def show_thresholds(context: Context) -> None:
    """Show the signature thresholds of the selected units."""
    instance, units = context.selected()
    context.terminal.say(*screen.thresholds(instance, states(units)))


def set_thresholds(context: Context) -> None:
    """Set both signature thresholds of the selected units; a unit in imprint mode leaves it."""
    instance, units = context.selected()
    context.terminal.say(*screen.thresholds(instance, states(units)), "")
    parameters = {
        "signature": context.ask_number("Enter the new signature threshold value:", THRESHOLDS),
        "revocation": context.ask_number("Enter the new revocation signature threshold value:", THRESHOLDS),
    }
    signers = context.signers(units, Command.THRESHOLD_SET, parameters=parameters)
    for unit in units:
        unit.command(Command.THRESHOLD_SET, parameters, signers)
    context.terminal.say(
        "OK", "New signature threshold values have been set in the selected crypto units.", ""
    )
    context.terminal.say(*screen.thresholds(instance, states(units)))
