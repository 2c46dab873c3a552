"""What scroll-back says about one rotation: which messages count, and what was done since.

A rotation can take several attempts. Messages of an earlier attempt still count in a later one, because the
value in the NEW registers that they speak of is still there, until

* a rotation has ended well: what stood above is of no account any more;
* ``auto-mk-rotate`` has begun once more: it makes NEW anew, and its own messages count alone. If message 1
  stood above, that was the forbidden rerun, and no rule is right any more (``Hazard``).

An attempt that was refused before it began changes nothing, neither registers nor what counts. Where it is
open whether it began, it did.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from hil.targets.hpcs.model import ending, printed, screens
from hil.targets.hpcs.model.evidence import ErrorClass, Evidence
from hil.targets.hpcs.model.rules import LOOK
from hil.targets.hpcs.model.sight import Sight
from hil.targets.hpcs.model.traces import Quote
from hil.targets.hpcs.model.transcript import Attempt

AUTO, PARTS = "auto", "parts"
REGISTERS = frozenset({LOOK, "cryptounit-compare"})  # screens with both register tables
_ERROR_LINES_MAX = 6
_STEPS = frozenset({"cryptounit-mk-load", "cryptounit-mk-commit", "cryptounit-mk-clrnew"})
LOOKS = REGISTERS | {"cryptounits", "rotation-status"}


class Doubt(StrEnum):
    """Why the messages that stand in a transcript do not decide."""

    NO_START = "no-start"  # it begins in the middle of an output
    NO_END = "no-end"  # it ends in the middle of an output, or the command still runs
    NOT_SHOWN = "not-shown"  # the output went into a file or another program
    GAP = "gap"  # the output is not, line for line, what the command prints
    LAST_COMMIT = "last-commit"  # the next line would be message 1
    DAMAGED = "damaged"  # a line may be a message that was cut or misread
    UNREAD = "unread"  # a rotation goes on where no command of one was read
    EARLIER = "earlier"  # what was in NEW when it began is not shown
    INSTANCES = "instances"  # commands of several service instances
    UNNAMED = "unnamed"  # message 2 is part of what another program printed
    NO_ROTATION = "no-rotation"  # no command of a rotation was typed


class Hazard(StrEnum):
    """Something was run after which no rule is right: master keys or key storage may be lost."""

    NEW_REPLACED = "new-replaced"
    NEW_CLEARED = "new-cleared"
    PROMOTED_EARLY = "promoted-early"
    CURRENT_CLEARED = "current-cleared"
    OLD_KEY_BACK = "old-key-back"


@dataclass(frozen=True)
class History:
    """What counts at the end of a transcript.

    ``last``: the attempt of a rotation that came last, ``error`` and ``done`` how it ended;
    ``begun``: key storage may have been rewrapped in part; ``cause``: what stood before a hazard;
    ``sight``: what the screens have shown since; ``instance``: name of the service instance, where it is
    told; ``suspects``: lines that may be messages; ``filled``: what is shown may have put something into NEW;
    ``commits``: which crypto unit ``auto-mk-rotate`` committed last, and of how many.
    """

    flow: str = ""
    last: Attempt | None = None
    error: ErrorClass = ErrorClass.NONE
    done: bool = False
    message1: Quote | None = None
    message2: Quote | None = None
    begun: bool = False
    hazard: Hazard | None = None
    cause: tuple[Quote, ...] = ()
    doubts: frozenset[Doubt] = frozenset()
    sight: Sight = field(default=Sight())
    instance: str = ""
    suspects: tuple[Quote, ...] = ()
    filled: bool = False
    commits: tuple[int, int] = (0, 0)

    @property
    def evidence(self) -> Evidence:
        """The facts that rules ask for."""
        return Evidence(
            flow=self.flow,
            command=self.last.command if self.last else "",
            error=self.error,
            message1=self.message1 is not None,
            message2=self.message2 is not None,
        )

    @property
    def over(self) -> bool:
        """Whether a rotation has ended well, and not only a step of one."""
        return self.done and self.evidence.command not in _STEPS

    @property
    def correctable(self) -> bool:
        """Whether the last command was refused before it began, and is right once that is mended."""
        if not self.last or self.error is not ErrorClass.PRECHECK or not ending.refused(self.last):
            return False
        auto = self.last.command == printed.AUTO and not self.begun
        return auto or (self.last.command == printed.ROTATE and not self.message2)

    @property
    def unmet(self) -> bool:
        """Whether the last command names an initial condition that was not met."""
        return self.last is not None and self.error is ErrorClass.PRECHECK and ending.unmet(self.last)

    @property
    def conditions(self) -> bool:
        """Whether it was refused for the state of the registers, which an earlier rotation may have left."""
        return self.correctable and self.last is not None and ending.of_registers(self.last)

    def quotes(self) -> Iterator[Quote]:
        """Yield the lines that decided, in their order."""
        messages = (quote for quote in (self.message1, self.message2) if quote)
        found = [*self.cause, *messages, *self.suspects]
        if self.last:
            found.append(Quote(self.last.line, self.last.typed))
            failed = self.last.find(ending.FAILED)
            if failed:
                below = self.last.lines[failed[0] - self.last.first :][: _ERROR_LINES_MAX + 1]
                found += [
                    Quote(failed[0] + at, text.strip())
                    for at, text in enumerate(below)
                    if text.strip() and not ending.WORD.fullmatch(text)
                ]
        yield from sorted(set(found), key=lambda quote: (quote.line, quote.text))


def look(sight: Sight, command: str, lines: Sequence[str], instance: str = "") -> Sight:
    """Add a screen to what was seen; registers only where nothing of the two tables was cut off."""
    if command not in REGISTERS:
        return sight.read(command, lines, instance)
    return sight.read(LOOK, lines, instance) if screens.whole(lines) else sight
