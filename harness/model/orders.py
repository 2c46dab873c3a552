"""What a rule comes to at the terminal: the commands that an operator types, one after the other.

Whoever follows a rule and whoever only advises it take the commands from here, so that what is advised is
what campaigns have played.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.model.registers import UnitRegisters, promoted
from harness.model.rules import AGAIN, Rule

PROMOTED = "@promoted"  # numbers of the crypto units that hold the new master key in CURRENT


@dataclass(frozen=True)
class Order:
    """A command, and the crypto units that it asks for (mostly none)."""

    command: str
    units: str = ""

    def __str__(self) -> str:
        return f"{self.command} {self.units}".strip()


def orders(rule: Rule, failed: str, flow: Sequence[str], units: Sequence[UnitRegisters]) -> tuple[Order, ...]:
    """Return what ``rule`` says to type after the command ``failed`` of a flow; ``units`` as last seen."""
    return tuple(_order(entry, units) for entry in _typed(rule, failed, flow))


def _order(entry: str, units: Sequence[UnitRegisters]) -> Order:
    command, _, argument = entry.partition(" ")
    return Order(command, " ".join(map(str, promoted(units))) if argument == PROMOTED else argument)


def _typed(rule: Rule, failed: str, flow: Sequence[str]) -> Iterator[str]:
    """A command of the flow typed again is followed by the rest of it."""
    for entry in rule.run:
        if entry != AGAIN:
            yield entry
        elif failed in flow:
            yield from flow[flow.index(failed) :]
        else:
            yield failed
