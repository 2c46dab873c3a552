"""Conditions on units and workstation that a command checks before it changes anything.

Each condition looks at the facts and names what is wrong, or says nothing. Order matters: a unit in imprint
mode has no administrators and no master key either, and the operator should read the cause, not its effects.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hsm_emulator.instance import UnitType
from hsm_emulator.registers import RegisterState
from hsm_emulator.tke.errors import Failed
from hsm_emulator.tke.sigkey import SignatureKey
from hsm_emulator.tke.signing import choose
from hsm_emulator.tke.unitstate import UnitStatus
from hsm_emulator.unit.command import Command

_HEADLINE = "An initial condition of the command is not met."
_UNCHANGED = "Nothing was changed."


@dataclass(frozen=True)
class PrecheckFacts:
    """What a pre-check may look at.

    ``units``: the units that the command works on; ``instance_size``: how many the instance has;
    ``keys``: the current signature keys; ``commands``: what will be sent, for the number of signatures.
    """

    units: Sequence[UnitStatus]
    instance_size: int
    keys: Sequence[SignatureKey]
    commands: Sequence[Command]


Condition = Callable[[PrecheckFacts], str | None]


def require(facts: PrecheckFacts, conditions: Sequence[Condition]) -> list[SignatureKey]:
    """Return the keys to ask passwords for; raises Failed with the first condition that does not hold."""
    for condition in conditions:
        problem = condition(facts)
        if problem:
            raise Failed(_HEADLINE, problem, _UNCHANGED)
    try:
        return choose(facts.keys, facts.units, facts.commands)
    except Failed as error:
        raise Failed(_HEADLINE, *error.lines, _UNCHANGED) from None


def all_selected(facts: PrecheckFacts) -> str | None:
    """Every unit of the one instance is selected."""
    if len(facts.units) == facts.instance_size:
        return None
    return (
        "An invalid set of crypto units is selected: all crypto units of the service instance must be. "
        f"{len(facts.units)} of {facts.instance_size} are; use 'ibmcloud tke cryptounit-add'."
    )


def recovery_unit_exists(facts: PrecheckFacts) -> str | None:
    """A random master key can be made only in a recovery unit."""
    if any(unit.type is UnitType.RECOVERY for unit in facts.units):
        return None
    return "The service instance does not contain any recovery crypto units."


def all_in_imprint_mode(facts: PrecheckFacts) -> str | None:
    """Initialisation starts from units that nobody has set up."""
    wrong = [unit for unit in facts.units if not unit.imprint]
    return f"{_named(wrong)} not in imprint mode; see 'ibmcloud tke cryptounit-compare'." if wrong else None


def none_in_imprint_mode(facts: PrecheckFacts) -> str | None:
    """Master key commands need administrators."""
    wrong = [unit for unit in facts.units if unit.imprint]
    return f"{_named(wrong)} in imprint mode; use 'ibmcloud tke cryptounit-thrhld-set'." if wrong else None


def thresholds_equal(facts: PrecheckFacts) -> str | None:
    """The units agree on the signature threshold; of the revocation threshold no document asks it."""
    if len({unit.signature_threshold for unit in facts.units}) <= 1:
        return None
    return "The signature thresholds of the crypto units differ; use 'ibmcloud tke cryptounit-thrhld-set'."


def current_valid_and_equal(facts: PrecheckFacts) -> str | None:
    """All units hold the same current master key."""
    empty = [unit for unit in facts.units if unit.current.state is not RegisterState.VALID]
    if empty:
        return f"The current master key registers are not all Valid: {_named(empty)} without one."
    if len({unit.current.compared for unit in facts.units}) > 1:
        return (
            "Current master key registers are set in multiple crypto units but are not set to the same value."
        )
    return None


def new_committed_and_equal(facts: PrecheckFacts) -> str | None:
    """All units hold the same new master key, and would accept it as current."""
    wrong = [unit for unit in facts.units if unit.new.state is not RegisterState.FULL_COMMITTED]
    if wrong:
        return f"The new master key registers are not all Full Committed: {_named(wrong)} without one."
    if len({unit.new.compared for unit in facts.units}) > 1:
        patterns = ", ".join(f"{unit.number}: {unit.new.pattern[:8]}..." for unit in facts.units)
        return f"The new master key registers do not hold the same value ({patterns})."
    return None


def new_differs_from_current(facts: PrecheckFacts) -> str | None:
    """There is something to rotate to."""
    wrong = [unit for unit in facts.units if unit.new.compared == unit.current.compared]
    if not wrong:
        return None
    return f"{_named(wrong)} holding the same value in the new and the current master key register."


AUTO_ROTATE: tuple[Condition, ...] = (
    recovery_unit_exists,
    none_in_imprint_mode,
    thresholds_equal,
    current_valid_and_equal,
)
ROTATE: tuple[Condition, ...] = (
    all_selected,
    none_in_imprint_mode,
    thresholds_equal,
    current_valid_and_equal,
    new_committed_and_equal,
    new_differs_from_current,
)
SET_IMMEDIATE: tuple[Condition, ...] = (new_committed_and_equal,)
RECOVER: tuple[Condition, ...] = (none_in_imprint_mode, thresholds_equal)
INITIALIZE: tuple[Condition, ...] = (recovery_unit_exists, all_in_imprint_mode)


def _named(units: Sequence[UnitStatus]) -> str:
    numbers = ", ".join(str(unit.number) for unit in units)
    return f"Crypto unit {numbers} is" if len(units) == 1 else f"Crypto units {numbers} are"
