"""The two rotations: from a recovery crypto unit, and from registers loaded beforehand.

Both end alike: rewrap of the key storage, then set immediate on each crypto unit. The two messages are the
operator's only evidence of how far a rotation came: each is written and flushed after everything before it
has happened and before anything after it begins. Nothing here is undone or tried again after an error.

    phase            registers                                 message
    make and copy    NEW Full Uncommitted, unit by unit
    commit           NEW Full Committed, unit by unit          first one after the last commit
    delay            -
    rewrap           - (rows of the key storage change)        second one after the last row
    set immediate    CURRENT holds the new key, unit by unit   success after the last unit

The instance is chosen first, which selects all of its units, also where a condition then turns out not to be
met: a list on the workstation is changed by then, and no unit. Rejected: interleaving of import and commit
per unit, as the documentation tells of all loads first.
"""

import time
from collections.abc import Sequence

from hsm_emulator.instance import UnitType
from hsm_emulator.registers import RegisterState
from hsm_emulator.tke import precheck, sigkey
from hsm_emulator.tke.cloud import Cloud, states
from hsm_emulator.tke.context import Context
from hsm_emulator.tke.cryptounit import CryptoUnit
from hsm_emulator.tke.precheck import PrecheckFacts
from hsm_emulator.tke.sigkey import UnlockedKey
from hsm_emulator.tke.transfer import commit, copy_master_key, set_immediate
from hsm_emulator.tke.workstation import identity
from hsm_emulator.unit.command import Command

MESSAGE_1 = "Delaying 30 seconds to allow server to discover new master key values"
MESSAGE_2 = "KMS CRK rewrap successful, waiting on cryptounit-mk-setimm"

_AUTO_COMMANDS = (
    Command.CLRNEW,
    Command.GENERATE,
    Command.IMPORTER,
    Command.EXPORT,
    Command.IMPORT,
    Command.COMMIT,
    Command.SETIMM,
)


def auto_rotate(context: Context) -> None:
    """Rotate to a random master key made in a recovery crypto unit; selects all units of the instance."""
    cloud = context.cloud()
    context.workstation.select(cloud.instance, map(identity, cloud.instance.units))
    units = cloud.crypto_units(cloud.instance.units)
    facts = PrecheckFacts(states(units), len(units), sigkey.read_current(context.workstation), _AUTO_COMMANDS)
    keys = precheck.require(facts, precheck.AUTO_ROTATE)
    context.terminal.confirm(
        f"The master key of service instance {cloud.instance.instance} will be replaced by a random value.",
        "Workloads must not use the service instance until the rotation has completed.",
    )
    signers = context.unlock(keys)
    _make_and_copy(context, units, signers)
    _commit(context, units, signers)
    context.terminal.say(MESSAGE_1)
    time.sleep(context.settings.delay_seconds)
    _rewrap_and_promote(context, cloud, units, signers)


def rotate(context: Context) -> None:
    """Rewrap the key storage for the committed new master key, then make that key current."""
    context.terminal.confirm(
        "Key storage will be rewrapped for the new master key, which then replaces the current one.",
        "Workloads must not use the service instance until the rotation has completed.",
    )
    cloud = context.cloud()
    units = cloud.crypto_units(context.selected_entries(cloud.instance))
    keys = sigkey.read_current(context.workstation)
    facts = PrecheckFacts(states(units), len(cloud.instance.units), keys, (Command.SETIMM,))
    signers = context.unlock(precheck.require(facts, precheck.ROTATE))
    _rewrap_and_promote(context, cloud, units, signers)


def _make_and_copy(context: Context, units: Sequence[CryptoUnit], signers: Sequence[UnlockedKey]) -> None:
    """Make the key in the first recovery unit; its sisters get it first, so that it has a backup."""
    recovery = [unit for unit in units if unit.entry.type is UnitType.RECOVERY]
    others = [unit for unit in units if unit.entry.type is not UnitType.RECOVERY]
    source, *targets = [*recovery, *others]
    for unit in units:
        if unit.state.new.state is not RegisterState.EMPTY:
            context.terminal.say(
                f"Clearing the new master key register of crypto unit {unit.entry.number}...."
            )
            unit.command(Command.CLRNEW, signers=signers)
    context.terminal.say("Generating a random master key value....")
    source.command(Command.GENERATE, signers=signers)
    for done, target in enumerate(targets, start=1):
        context.terminal.say(
            f"Transferring the master key value to {done} of {len(targets)} crypto units...."
        )
        copy_master_key(source, "new", target, signers)


def _commit(context: Context, units: Sequence[CryptoUnit], signers: Sequence[UnlockedKey]) -> None:
    for done, unit in enumerate(units, start=1):
        context.terminal.say(f"Committing the master key value in {done} of {len(units)} crypto units....")
        commit(unit, signers)


def _rewrap_and_promote(
    context: Context, cloud: Cloud, units: Sequence[CryptoUnit], signers: Sequence[UnlockedKey]
) -> None:
    cloud.rewrap(units[0].state.new.pattern, context.settings.rewrap_seconds)
    context.terminal.say(MESSAGE_2)
    for done, unit in enumerate(units, start=1):
        context.terminal.say(f"Setting the master key value in {done} of {len(units)} crypto units....")
        set_immediate(unit, signers)
    context.terminal.say("", "OK", "Master key rotation successful.")
