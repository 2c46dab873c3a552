"""The commands of the program: one line each, for the dispatcher, for the help and for its readers."""

from collections.abc import Callable
from dataclasses import dataclass, field

from hsm_emulator.tke import (
    administrators,
    init,
    keyfiles,
    keystorage,
    login,
    masterkey,
    recover,
    rotate,
    selection,
)
from hsm_emulator.tke.context import Context

Function = Callable[[Context], None]


@dataclass(frozen=True)
class CommandEntry:
    """A command: the option that has to follow it, mostly none (``""``), names what is done."""

    name: str
    help: str
    functions: dict[str, Function]
    aliases: tuple[str, ...] = field(default=())


def _entry(name: str, text: str, function: Function, *aliases: str) -> CommandEntry:
    return CommandEntry(name, text, {"": function}, aliases)


_KEY_PART_SOURCES: dict[str, Function] = {
    "--random": keyfiles.add_random_key_part,
    "--value": keyfiles.add_known_key_part,
}

# fmt: off
COMMANDS: tuple[CommandEntry, ...] = (
    _entry("login", "Exchanges the API key of this workstation for an access token.", login.log_in),
    _entry("auto-init", "Initializes all crypto units of the service instance.", init.initialize),
    _entry("auto-mk-rotate", "Rotates to a random master key made in a recovery crypto unit.",
           rotate.auto_rotate),
    _entry("auto-mk-recover", "Copies the current master key of a recovery crypto unit to others.",
           recover.recover, "auto-recover"),
    _entry("cryptounits", "Shows the crypto units and which of them are selected.", selection.show),
    _entry("cryptounit-add", "Adds crypto units to the set of crypto units to work with.", selection.add),
    _entry("cryptounit-rm", "Removes crypto units from the set of crypto units to work with.",
           selection.remove),
    _entry("cryptounit-compare", "Compares the configuration of the selected crypto units.",
           selection.compare),
    _entry("cryptounit-admins", "Shows the administrators of the selected crypto units.",
           administrators.show),
    _entry("cryptounit-admin-add", "Adds an administrator to the selected crypto units.", administrators.add),
    _entry("cryptounit-admin-rm", "Removes an administrator from the selected crypto units.",
           administrators.remove),
    _entry("cryptounit-thrhlds", "Shows the signature thresholds of the selected crypto units.",
           administrators.show_thresholds),
    _entry("cryptounit-thrhld-set", "Sets the signature thresholds of the selected crypto units.",
           administrators.set_thresholds, "cryptounit-exit-impr"),
    _entry("cryptounit-mk", "Shows the master key registers of the selected crypto units.",
           masterkey.show, "cryptounit-mks"),
    _entry("cryptounit-mk-load", "Loads the new master key registers from key parts.", masterkey.load),
    _entry("cryptounit-mk-commit", "Commits the new master key registers.", masterkey.commit),
    _entry("cryptounit-mk-setimm", "Makes the new master keys current, without rewrapping key storage.",
           masterkey.set_immediate),
    _entry("cryptounit-mk-rotate", "Rewraps key storage, then makes the new master keys current.",
           rotate.rotate),
    _entry("rotation-status", "Shows which master keys the key storage stands under.", keystorage.show),
    _entry("cryptounit-mk-clrnew", "Clears the new master key registers.", masterkey.clear_new),
    _entry("cryptounit-mk-clrcur", "Clears the current master key registers.", masterkey.clear_current),
    _entry("cryptounit-zeroize", "Zeroizes the selected crypto units.", masterkey.zeroize),
    _entry("sigkeys", "Lists the signature keys on this workstation.", keyfiles.show_signature_keys),
    _entry("sigkey-add", "Makes a signature key on this workstation.", keyfiles.add_signature_key),
    _entry("sigkey-sel", "Selects the current signature keys.", keyfiles.select_signature_keys),
    _entry("sigkey-rm", "Removes a signature key from this workstation.", keyfiles.remove_signature_key),
    _entry("mks", "Lists the master key parts on this workstation.", keyfiles.show_key_parts),
    CommandEntry("mk-add", "Makes a master key part on this workstation.", _KEY_PART_SOURCES),
    _entry("mk-rm", "Removes a master key part from this workstation.", keyfiles.remove_key_part),
)
# fmt: on

BY_NAME: dict[str, CommandEntry] = {
    name: entry for entry in COMMANDS for name in (entry.name, *entry.aliases)
}
