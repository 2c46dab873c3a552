"""Commands about the set of crypto units to work with. They change a file of the workstation and no unit."""

from collections.abc import Callable

from hsm_emulator.tke import screen
from hsm_emulator.tke.cloud import states
from hsm_emulator.tke.context import Context
from hsm_emulator.tke.workstation import Identity, identity

_Selection = frozenset[Identity]
_Combine = Callable[[_Selection, _Selection], _Selection]


def show(context: Context) -> None:
    """Show the crypto units of the resource group."""
    instance = context.cloud().instance
    context.terminal.say(*screen.crypto_units(instance, context.workstation.selected()))


def add(context: Context) -> None:
    """Add crypto units to the selected ones."""
    _change(context, "add", lambda selected, chosen: selected | chosen)


def remove(context: Context) -> None:
    """Remove crypto units from the selected ones; the units themselves stay as they are."""
    _change(context, "remove", lambda selected, chosen: selected - chosen)


def compare(context: Context) -> None:
    """Show how the selected crypto units are configured, and whether they differ."""
    instance, units = context.selected()
    context.terminal.say(*screen.comparison(instance, states(units)))


def _change(context: Context, verb: str, combine: _Combine) -> None:
    instance = context.cloud().instance
    selected = context.workstation.selected()
    context.terminal.say(*screen.crypto_units(instance, selected), "")
    numbers = context.ask_numbers(
        f"Enter a list of CRYPTO UNIT NUM to {verb}, separated by spaces:",
        allowed=[unit.number for unit in instance.units],
    )
    chosen = frozenset(identity(unit) for unit in instance.units if unit.number in numbers)
    changed = combine(selected, chosen)
    context.workstation.select(instance, changed)
    context.terminal.say("OK", "", *screen.crypto_units(instance, changed))
