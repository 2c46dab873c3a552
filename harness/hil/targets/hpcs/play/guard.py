"""The guard of a worker: what the machine did to the scenario that was played.

A contradiction of the documentation has to be the doing of the faults that were ordered. Whatever else stops
or ends a process, refuses it something or sets a clock, makes the play say nothing. It is looked for after
every play, also one that ended as documented: what was disturbed is no pass either.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hil.engine.pulse import Pulse
from hil.model import machine
from hil.model.faults import FaultKind
from hil.model.scenario import Scenario
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.play.attempt import Account, hangs
from hil.targets.hpcs.rig.cgroup import Counted
from hil.targets.hpcs.rig.golden import Golden
from hil.targets.hpcs.rig.process import owner
from hil.targets.hpcs.rig.process.child import STOPPED
from hil.targets.hpcs.rig.rig import Rig
from hil.targets.hpcs.rig.zygote import client


@dataclass(frozen=True)
class Troubles:
    """What the machine did in words; ``doubtful``: what may as well be the instance's own doing."""

    certain: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.certain or self.doubtful)


class Guard:
    """Looks after one rig; the process that owns it makes one, and only one at a time."""

    def __init__(self, rig: Rig, golden: Golden) -> None:
        self._rig = rig
        self._golden = golden.snapshot / rig.layout.logs.relative_to(rig.layout.files)
        self._counted = Counted()
        self._lock = threading.Lock()
        self._noticed: dict[str, None] = {}
        self._stopped: set[int] = set()
        self._pulse = Pulse(each=self._look_for_the_stopped)
        self._pulse.start()

    def begin(self, scenario: Scenario) -> None:
        """Begin to look."""
        with self._lock:
            self._noticed = {}
        self._counted.begin()
        patience = sut.SHORT if hangs(scenario) else sut.Patience(sut.TkeTimes())
        self._pulse.begin(patience.unit)

    def notice(self, error: Exception) -> bool:
        """Take note of an error; False where it is none of the machine's."""
        return self._note(machine.in_error(error))

    def troubles(self, scenario: Scenario, account: Account | None = None) -> Troubles:
        """Return what has happened since the beginning."""
        rig = self._rig
        printed = "\n".join(account.printed) if account else ""
        filled = any(fault.kind is FaultKind.FULL for fault in scenario.faults)
        for what in (
            *self._pulse.troubles(),
            *self._counted.grown(),
            *rig.casualties(),
            machine.death("the warm parent", client.ended()),
            *((account.refused,) if account else ()),
            *machine.in_text("\n".join((printed, *self._logged())), filled=filled),
        ):
            self._note(what)
        found = account.result.findings if account else ()
        doubts = [finding.text for finding in found if machine.doubtful(finding.text)][:1]
        with self._lock:
            return Troubles(tuple(self._noticed), (*rig.conductor.broken, *doubts))

    def thread_ended(self, ended: threading.ExceptHookArgs) -> None:
        """Take note of a thread of the bench that ended by an error, see threading.excepthook."""
        if not (isinstance(ended.exc_value, Exception) and self.notice(ended.exc_value)):
            threading.__excepthook__(ended)

    def _note(self, what: str) -> bool:
        if what:
            with self._lock:
                self._noticed[what] = None
        return bool(what)

    def _logged(self) -> Iterator[str]:
        """Yield what the processes of the instance have written to their logs since the golden state."""
        for log in self._rig.layout.logs.iterdir():
            written = log.stat().st_size
            before = _size(self._golden / log.name)
            if written > before:
                with log.open("rb") as stream:
                    stream.seek(before)
                    yield stream.read().decode(errors="replace")

    def _look_for_the_stopped(self) -> None:
        """Find what somebody has stopped; by two looks, as a fault may be about to say that it did."""
        stopped = set()
        for process, pid in self._rig.pids():
            if process not in self._rig.conductor.paused and owner.state(pid) == STOPPED:
                stopped.add(pid)
                if pid in self._stopped:
                    self._note(f"{process} was stopped, which the bench did not order")
        self._stopped = stopped


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
