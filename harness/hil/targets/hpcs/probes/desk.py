"""The operator's desk of a probe: commands that have to succeed, and commands that have to be refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hil.model.probe import Probe
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.model.evidence import ErrorClass, error_class
from hil.targets.hpcs.probes.administrator import Unready
from hil.targets.hpcs.probes.facts import PublicState
from hil.targets.hpcs.rig.rest import Rest
from hil.targets.hpcs.rig.rig import Rig

QUESTIONS = (
    "Enter the new signature threshold value",
    "Enter the new revocation signature threshold value",
    "Enter the KEYNUM values to select as current signature keys",
)


@dataclass(frozen=True)
class ProbedRig:
    """A rig with all units selected, and the bench's own login."""

    rig: Rig
    rest: Rest

    @property
    def all(self) -> tuple[int, ...]:
        """Numbers of all units."""
        return tuple(self.rig.shape.numbers)

    def type(self, command: str, answer: str = "") -> None:
        """Run a command that has to succeed; ``answer`` to whatever numbers it asks. Raises Unready."""
        ended = self.rig.tke(command, sut.answers(answer, tuple((text, answer) for text in QUESTIONS)))
        if ended.exit_code != 0:
            said = " ".join(ended.lines[-3:])
            raise Unready(f"'tke {command}' ended with exit code {ended.exit_code}: {said}")

    @contextmanager
    def only(self, *numbers: int) -> Iterator[None]:
        """Have these units selected, and all of them again afterwards."""
        others = " ".join(str(number) for number in self.all if number not in numbers)
        if others:
            self.type("cryptounit-rm", others)
        yield
        if others:
            self.type("cryptounit-add", others)

    def refused(self, name: str, command: str, says: str) -> Probe:
        """Run a command that has to be refused before any change, with a text that holds ``says``.

        Raises Unready.
        """
        before = PublicState.of(self.rig, self.rest)
        ended = self.rig.tke(command, sut.answers(" ".join(map(str, self.all))))
        if ended.exit_code < 0:
            raise Unready(f"'tke {command}' was ended by signal {-ended.exit_code}")
        text = " ".join(ended.lines)
        problems = list(before.differences(PublicState.of(self.rig, self.rest)))
        if error_class(ended.lines, ended.exit_code) is not ErrorClass.PRECHECK:
            problems.append(f"it was not refused by a pre-check but ended with exit code {ended.exit_code}")
        elif says not in text:
            problems.append(f"the refusal does not say '{says}'")
        return Probe(f"{name}: {command}", f"refused, nothing changed: {says}", tuple(problems))
