"""The trunk: what scenarios that begin alike share, played once.

A crash point is followed by up to twenty procedures, and a crash state by some hundred second faults. The
first of such a group plays the rotation and its fault; then, with everything at rest, its files are copied
and what was seen so far is noted. The others are put back there and only recover.

What a copy of files cannot hold is the memory of processes that outlived the fault. At rest that is: the
PKCS#11 connection of the kms, which it makes anew at its first need; what became of the last rewrap, which no
request but the bench's own look-up reads; importer keys of a unit, made anew by each command that needs one.
So a recovery from a copy has the events of that connection more, where the kms had outlived the fault; the
audit plays it from its beginning as well and leaves these events aside, and so does the fingerprint of a
trace, which is to say the same of a scenario that a replay, or another shard, has played whole. Not put back,
but played whole: what has no fault that fired, or waits for a fault that this misses.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.model.events import Event
from hil.model.faults import Fault
from hil.model.scenario import Scenario
from hil.targets.hpcs.boundaries.terminal import EndedCommand
from hil.targets.hpcs.model.crash import Crash
from hil.targets.hpcs.play.console import Mark
from hil.targets.hpcs.rig.rig import Rig

# The calls with which the kms makes its connection to a unit.
CONNECTING = frozenset({"C_Initialize", "C_GetSlotList", "C_GetTokenInfo", "C_OpenSession", "C_Login"})


def without_reconnects(events: Iterable[Event]) -> list[Event]:
    """Return the events without those that a recovery from a copy may have more."""
    return [event for event in events if event.stage == 0 or event.name not in CONNECTING]


@dataclass(frozen=True)
class Fork:
    """An instance at rest after the first fault, and what was seen until then; ``owner``: who played it."""

    owner: str
    ended: EndedCommand
    crash: Crash
    events: Sequence[Event]
    transcript: Sequence[str]
    printed: Sequence[str]
    marks: Sequence[Mark]


class Trunk:
    """Keeps the latest fork of a worker in ``folder``; ``wanted``: whether the next one is worth it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.wanted = False
        self._key: tuple[str, tuple[Fault, ...], bool] | None = None
        self._fork: Fork | None = None

    def keep(
        self, rig: Rig, scenario: Scenario, ended: EndedCommand, crash: Crash, marks: Sequence[Mark]
    ) -> None:
        """Copy an instance at rest after the first fault of ``scenario``."""
        self._fork = None
        if rig.conductor.fired[:1] != (True,) or rig.conductor.error:
            return
        rig.copy(self._folder)
        self._key = _key(rig, scenario)
        terminal = rig.terminal
        seen = tuple(rig.conductor.events), tuple(terminal.transcript), tuple(terminal.printed)
        self._fork = Fork(scenario.id, ended, crash, *seen, tuple(marks))

    def put_back(self, rig: Rig, scenario: Scenario) -> Fork | None:
        """Put ``rig`` where ``scenario`` has had its first fault; None where that was not kept."""
        fork = self._fork
        if fork is None or self._key != _key(rig, scenario):
            return None
        rig.restore(self._folder)
        rig.terminal.show(fork.transcript, fork.printed)
        rig.conductor.go_on(scenario.faults, fork.events)
        return fork


def _key(rig: Rig, scenario: Scenario) -> tuple[str, tuple[Fault, ...], bool]:
    return scenario.flow, scenario.faults[:1], rig.watched
