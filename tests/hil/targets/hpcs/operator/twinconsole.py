"""A console at which the twin answers, in the words and screens of ``tke``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from hil.targets.hpcs.boundaries.terminal import Answers, EndedCommand
from hil.targets.hpcs.model.twin.commands import run
from hil.targets.hpcs.model.twin.instance import TwinInstance
from hsm_emulator.instance import Instance as ServiceInstance
from hsm_emulator.instance import UnitEntry, UnitType
from hsm_emulator.registers import RegisterState
from hsm_emulator.tke import screen
from hsm_emulator.tke.unitstate import RegisterStatus, UnitStatus

MESSAGES = {
    1: "Delaying 30 seconds to allow server to discover new master key values",
    2: "KMS CRK rewrap successful, waiting on cryptounit-mk-setimm",
}
KILLED = -9
# What a unit answers where the twin gives a reason of its own.
SAID = {"CURRENT is that key": ["The key equals the one in the current master key register."]}
SERVICE = ServiceInstance("", "", "", "", "", "", ())
FULL = {False: RegisterState.FULL_UNCOMMITTED, True: RegisterState.FULL_COMMITTED}


@dataclass(frozen=True)
class Kill:
    """At which command typed and which of its steps, counted from 0; a server dies where not ``of_tke``."""

    command: int
    step: int
    of_tke: bool = True


@dataclass
class Console:
    """A terminal on which the twin answers; a command that a kill is meant for stops where the kill says."""

    at: TwinInstance
    kills: Sequence[Kill] = ()
    typed: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    struck: bool = False

    def tke(self, command: str, answers: Answers = ()) -> EndedCommand:
        """Run a command of the twin."""
        numbers = [answer for pattern, answer in answers if pattern.search("Enter a list of CRYPTO UNIT NUM")]
        line = f"{command} {numbers[0]}" if command in {"cryptounit-rm", "cryptounit-add"} else command
        ran = run(self.at, line)
        kill = next((kill for kill in self.kills if kill.command == len(self.typed)), None)
        self.typed.append(line)
        self.struck = kill is not None and kill.step < len(ran.states) - 1
        end = ran.states[kill.step] if kill and self.struck else ran.end
        lines = [MESSAGES[number] for number in sorted(end.shown - self.at.shown)]
        if self.struck:
            code = KILLED if kill and kill.of_tke else 1
        else:
            code = 1 if ran.refused else 0
            untouched = ["Nothing was changed."] if ran.untouched else []
            lines += [f"FAILED: {ran.refused}", *SAID.get(ran.refused, untouched)] if ran.refused else []
        self.at = end
        lines += SCREENS[command](end) if command in SCREENS else []
        self.shown += lines
        return EndedCommand(command, tuple(lines), code)

    def lines(self) -> list[str]:
        """The whole transcript."""
        return self.shown

    def between(self) -> bool:
        """Whether something died in the last command."""
        return self.struck


def _registers(at: TwinInstance) -> list[str]:
    """``cryptounit-mks``: both tables, of the selected units."""
    states = [
        UnitStatus(
            number=unit.number,
            type=UnitType(unit.type),
            module="",
            domain=1,
            imprint=unit.imprint,
            signature_threshold=2,
            revocation_threshold=2,
            counter=0,
            administrators=(),
            current=_register(unit.current, RegisterState.VALID),
            new=_register(unit.new, FULL[unit.committed]),
        )
        for unit in at.chosen
    ]
    return [*screen.new_registers(SERVICE, states), *screen.current_registers(SERVICE, states)]


def _register(key: str | None, state: RegisterState) -> RegisterStatus:
    return RegisterStatus(state if key else RegisterState.EMPTY, _pattern(key or ""))


def _pattern(key: str) -> str:
    return key.encode().hex().ljust(64, "0")


def _crypto_units(at: TwinInstance) -> list[str]:
    """``cryptounits``: all units."""
    entries = tuple(
        UnitEntry(unit.number, UnitType(unit.type), "[us-south]", f"{unit.number:02}", unit.number, "")
        for unit in at.units
    )
    return screen.crypto_units(replace(SERVICE, units=entries), frozenset())


def _rotation_status(at: TwinInstance) -> list[str]:
    """``rotation-status``: rows by master key."""
    return screen.key_storage(SERVICE, {_pattern(key)[:32]: count for key, count in at.rows})


SCREENS: dict[str, Callable[[TwinInstance], list[str]]] = {
    "cryptounit-mks": _registers,
    "cryptounits": _crypto_units,
    "rotation-status": _rotation_status,
}
