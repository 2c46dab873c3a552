"""What a rule comes to at the terminal: the commands that an operator types, one after the other.

Whoever follows a rule and whoever only advises it take the commands from here, so that what is advised is
what campaigns have played.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hil.targets.hpcs.model.evidence import ErrorClass
from hil.targets.hpcs.model.registers import EMPTY, UnitRegisters, promoted
from hil.targets.hpcs.model.rules import AGAIN, ASK, Rule
from hil.targets.hpcs.model.sight import Listed

LOGIN = "login"
Units = Sequence[UnitRegisters]


def _pending(units: Units, _: Sequence[Listed]) -> list[int]:
    return [unit.number for unit in units if unit.new.state != EMPTY]


# Crypto units that an entry means, by what the operator has seen of registers and of the list of units.
SELECTORS: Mapping[str, Callable[[Units, Sequence[Listed]], Sequence[int]]] = {
    "@all": lambda _, listed: [unit.number for unit in listed],
    "@backup": lambda _, listed: [unit.number for unit in listed if unit.type != "OPERATIONAL"],
    "@promoted": lambda units, _: promoted(units),  # the new master key is their CURRENT one
    "@pending": _pending,  # something is in NEW
    "@pending-but-one": lambda units, listed: _pending(units, listed)[:-1],
    "@last-pending": lambda units, listed: _pending(units, listed)[-1:],
}


@dataclass(frozen=True)
class CommandOrder:
    """A command, and the crypto units that it asks for (mostly none)."""

    command: str
    units: str = ""

    def __str__(self) -> str:
        return f"{self.command} {self.units}".strip()


def orders(
    rule: Rule, failed: str, flow: Sequence[str], units: Units, listed: Sequence[Listed] = ()
) -> tuple[CommandOrder, ...]:
    """Return what ``rule`` says to type after the command ``failed`` of a flow; ``units`` as last seen."""
    return typed(tuple(_again(rule.run, failed, flow)), units, listed)


def login_first(entries: Sequence[str], error: ErrorClass) -> tuple[str, ...]:
    """Return the login that has to come before ``entries`` where the last command found the token expired.

    That is the page's remedy for it, whatever comes next; with an expired token no command would begin.
    """
    wanted = error is ErrorClass.TOKEN and entries and entries[0] not in (LOGIN, ASK)
    return (LOGIN,) if wanted else ()


def typed(entries: Sequence[str], units: Units, listed: Sequence[Listed]) -> tuple[CommandOrder, ...]:
    """Return entries as commands; one whose selector means no unit at all is not typed."""
    made = (_order(entry, units, listed) for entry in entries if entry != ASK)
    return tuple(order for order in made if order)


def _order(entry: str, units: Units, listed: Sequence[Listed]) -> CommandOrder | None:
    command, _, argument = entry.partition(" ")
    if argument not in SELECTORS:
        return CommandOrder(command, argument)
    numbers = SELECTORS[argument](units, listed)
    return CommandOrder(command, " ".join(map(str, numbers))) if numbers else None


def _again(entries: Sequence[str], failed: str, flow: Sequence[str]) -> Iterator[str]:
    """A command of the flow typed again is followed by the rest of it."""
    for entry in entries:
        if entry != AGAIN:
            yield entry
        elif failed in flow:
            yield from flow[flow.index(failed) :]
        else:
            yield failed
