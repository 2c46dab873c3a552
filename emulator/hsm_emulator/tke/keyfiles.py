"""Commands about the files of signature keys and master key parts; they touch the workstation and no unit."""

import os

from hsm_emulator.tke import mkpart, screen, sigkey
from hsm_emulator.tke.context import Context
from hsm_emulator.tke.errors import Failed


def show_signature_keys(context: Context) -> None:
    """List the signature keys."""
    keys = sigkey.read_all(context.workstation)
    context.terminal.say(*screen.signature_keys(keys, context.workstation.current_signature_keys()))


def add_signature_key(context: Context) -> None:
    """Make a signature key."""
    name = context.terminal.ask("Enter an administrator name to be associated with the signature key:")
    if not 1 <= len(name) <= sigkey.NAME_MAX:
        raise Failed(f"An administrator name has 1 to {sigkey.NAME_MAX} characters. Nothing was created.")
    sigkey.create(context.workstation, name, context.ask_new_password("signature key"))
    context.terminal.say(
        "OK",
        "A signature key was created.",
        "The available signature keys on this workstation are:",
        "",
    )
    show_signature_keys(context)


def select_signature_keys(context: Context) -> None:
    """Choose the current signature keys; their passwords prove that they are the operator's."""
    keys = {key.number: key for key in sigkey.read_all(context.workstation)}
    show_signature_keys(context)
    if not keys:
        raise Failed("There is no signature key to select.")
    numbers = context.ask_numbers(
        "Enter the KEYNUM values to select as current signature keys, separated by spaces:",
        allowed=list(keys),
    )
    for number in numbers:
        keys[number].unlock(context.terminal.ask_hidden(f"Enter the password for KEYNUM {number}:"))
    context.workstation.make_current(numbers)
    listed = ", ".join(map(str, numbers))
    made = (
        "has been made the current signature key."
        if len(numbers) == 1
        else ("have been made the current signature keys.")
    )
    context.terminal.say("OK", f"KEYNUM {listed} {made}")


def remove_signature_key(context: Context) -> None:
    """Remove a signature key file for good."""
    numbers = [key.number for key in sigkey.read_all(context.workstation)]
    show_signature_keys(context)
    if not numbers:
        raise Failed("There is no signature key to remove.")
    number = context.ask_number("Enter the KEYNUM of the signature key to remove:", numbers)
    context.terminal.confirm(
        "Warning!  Crypto units cannot be administered without enough signature keys of their administrators."
    )
    sigkey.remove(context.workstation, number)
    context.terminal.say("OK", "The signature key was removed.")


def show_key_parts(context: Context) -> None:
    """List the master key parts."""
    context.terminal.say(*screen.key_parts(mkpart.read_all(context.workstation)))


def add_random_key_part(context: Context) -> None:
    """Make a master key part with a random value."""
    _add_key_part(context, os.urandom(mkpart.PART_BYTES))


def add_known_key_part(context: Context) -> None:
    """Make a master key part with a value typed as hex digits."""
    answer = context.terminal.ask_hidden("Enter the key part value:")
    try:
        value = bytes.fromhex(answer)
    except ValueError:
        value = b""
    if len(value) != mkpart.PART_BYTES:
        raise Failed(f"A key part value has {2 * mkpart.PART_BYTES} hex digits. Nothing was created.")
    _add_key_part(context, value)


def remove_key_part(context: Context) -> None:
    """Remove a master key part file for good."""
    numbers = [part.number for part in mkpart.read_all(context.workstation)]
    show_key_parts(context)
    if not numbers:
        raise Failed("There is no key part to remove.")
    number = context.ask_number("Enter the KEYNUM of the master key part to remove:", numbers)
    context.terminal.confirm("Warning!  A master key cannot be loaded again without all of its key parts.")
    mkpart.remove(context.workstation, number)
    context.terminal.say("OK", "The key part was removed.")


def _add_key_part(context: Context, value: bytes) -> None:
    description = context.terminal.ask("Enter a description for the key part:")
    mkpart.create(context.workstation, value, description, context.ask_new_password("key part"))
    context.terminal.say(
        "OK",
        "A key part was created.",
        "The available EP11 master key parts on this workstation are:",
        "",
    )
    show_key_parts(context)
