"""The operator's console: the rig's terminal, and a supervisor who starts again what died."""

from collections.abc import Iterable
from dataclasses import dataclass

from hil.targets.hpcs.boundaries.terminal import Answers, EndedCommand
from hil.targets.hpcs.rig.rig import Rig

AT_REST = "at rest: what died is started again, nothing moves"


@dataclass(frozen=True)
class Mark:
    """Something that happened between two events: ``at`` is how many events there were before."""

    at: int
    text: str


class MarkedConsole:
    """What an operator works with; ``marks`` tells what happened at it, from ``marks`` on."""

    def __init__(self, rig: Rig, marks: Iterable[Mark] = ()) -> None:
        self._rig = rig
        self._stage = 1
        self.marks = list(marks)

    def tke(self, command: str, answers: Answers = ()) -> EndedCommand:
        """Run a command, see operator.Console."""
        self.mark(f"$ {command}")
        return self._rig.tke(command, answers)

    def lines(self) -> list[str]:
        """Return what the terminal has shown, see operator.Console."""
        return self._rig.terminal.transcript

    def between(self) -> bool:
        """Mend where a fault has struck, see operator.Console."""
        struck = self._rig.conductor.struck(self._stage)
        if struck:
            self.mend()
            self._stage += 1
        return struck

    def mend(self) -> None:
        """Mend the rig and note it."""
        mend(self._rig)
        self.mark(AT_REST)

    def mark(self, text: str) -> None:
        """Note what happens now."""
        self.marks.append(Mark(len(self._rig.conductor.events), text))


def mend(rig: Rig) -> None:
    """After a strike: start again what died, wait until nothing moves, and begin the next stage."""
    rig.repair()
    rig.settle()
    rig.conductor.next_stage()
