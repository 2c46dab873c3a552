"""``rotation-status``: which master keys the key storage stands under. It looks, and changes nothing.

An assumption: the documents name no such command. The service has to know it, and this is the smallest
screen that would tell an operator what the registers cannot: whether key storage was rewrapped already.
"""

from hsm_emulator.tke import screen
from hsm_emulator.tke.context import Context


def show(context: Context) -> None:
    """Show how many versions of keys stand under which master key."""
    cloud = context.cloud()
    context.terminal.say(*screen.key_storage(cloud.instance, cloud.rows_by_master_key()))
