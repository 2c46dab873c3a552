"""A worker: a process with a rig of its own that plays one scenario after the other.

It says of each order what came of it, or that the machine has disturbed it. It ends when its pipe closes,
also because the campaign was killed, and leaves nothing behind. An interrupt from the keyboard is the
campaign's to handle, so a worker ignores it.
"""

import gc
import multiprocessing
import os
import signal
import threading
import time
from dataclasses import dataclass, field, replace
from enum import Enum
from multiprocessing.connection import Connection
from pathlib import Path

from hil.engine.guard import Guard
from hil.engine.rundir import RunDir
from hil.model.faults import Fault
from hil.model.scenario import Result, Scenario
from hil.model.verdicts import Verdict
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.model.flow import Flow
from hil.targets.hpcs.model.points import kills
from hil.targets.hpcs.operator.book import Book
from hil.targets.hpcs.play.attempt import Account, NotReached, attempt, reach
from hil.targets.hpcs.play.record import compare
from hil.targets.hpcs.play.trunk import Trunk, told
from hil.targets.hpcs.probes import run as probes
from hil.targets.hpcs.probes.probe import Probe
from hil.targets.hpcs.rig.golden import Golden
from hil.targets.hpcs.rig.keystore import keystores
from hil.targets.hpcs.rig.layout import Layout
from hil.targets.hpcs.rig.modules.install import Installed
from hil.targets.hpcs.rig.rig import Rig
from hil.targets.hpcs.rig.space import NoSpace
from hil.targets.hpcs.rig.units import docker
from hil.targets.hpcs.rig.units.containers import DockerHost
from hil.targets.hpcs.rig.units.hosts import ProcessHost, UnitHost


@dataclass(frozen=True)
class Bench:
    """What every rig of a campaign has in common; ``image`` is empty on the process backend.

    ``book`` has the procedures that scenarios name. ``server``: of key stores, see Layout.
    ``module`` is behind the crypto units, None: SoftHSM. Who has a copy of ``leash`` keeps ``root``, see
    workplace; None: nobody removes it where this process is killed.
    """

    run: str
    root: Path
    shape: sut.Shape
    image: str
    evidence: Path
    book: Book = field(default_factory=Book)
    server: str = ""
    module: Installed | None = None
    leash: Connection | None = None

    def layout(self, name: str) -> Layout:
        """Return the paths of a rig."""
        module = self.module.file if self.module else None
        return Layout(self.root / name / "files", self.root / name / "s", self.server, module)

    def rig(self, name: str) -> Rig:
        """Make a rig with folders of its own below ``root``."""
        layout = self.layout(name)
        host: UnitHost = DockerHost(layout, self.image, self.run, name) if self.image else ProcessHost(layout)
        return Rig(layout, self.shape, host, sut.TkeTimes())


COLLECT_AFTER = 20_000  # new objects: nothing of a scenario is left after it, and little of it is cyclic


class Task(Enum):
    """What is to be done with a scenario."""

    PLAY = "play"  # to its verdict
    AUDIT = "audit"  # twice, and compare
    REACH = "reach"  # up to its crash
    RECORD = "record"  # to its end, for the crash points of the recovery
    PROBE = "probe"  # nothing with the scenario: ask the instance what it refuses


@dataclass(frozen=True)
class Order:
    """A scenario and what to do with it; the answer carries the same number.

    ``followed``: the next order to the same worker begins alike. ``disturbed``: what the machine did to the
    first time that it was carried out; there is no third time.
    """

    number: int
    scenario: Scenario
    task: Task
    followed: bool = False
    disturbed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Played:
    """A scenario that was played; ``difference``: the first lines in which two plays of it differ."""

    number: int
    result: Result
    difference: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reached:
    """The crash state that a scenario reaches."""

    number: int
    state: str


@dataclass(frozen=True)
class Recorded:
    """The crash points of a recovery; ordinals count from its beginning."""

    number: int
    points: tuple[Fault, ...]


@dataclass(frozen=True)
class Probed:
    """What the probes found."""

    number: int
    probes: tuple[Probe, ...]


@dataclass(frozen=True)
class Lost:
    """An order that was not carried out, mostly as the worker was lost over it; ``why`` in words.

    ``disturbed``: what the machine did both times that it was tried.
    """

    number: int
    scenario: Scenario
    why: str
    disturbed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Disturbed:
    """What the machine did while an order was carried out, so that nothing follows from what was seen."""

    number: int
    by: tuple[str, ...]


@dataclass(frozen=True)
class Full:
    """The evidence of a scenario found no room; ``text`` says where."""

    number: int
    text: str


Answer = Full | Played | Reached | Recorded | Probed | Lost
PROBE = Order(0, Scenario(Flow.AUTO, (), "documented", Verdict.RECOVERED), Task.PROBE)


def work(bench: Bench, name: str, state: Golden, pipe: Connection) -> None:
    """Play every Order that comes through ``pipe`` and answer each, until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _terminated)
    threading.Thread(target=_follow_the_bench, name="bench", daemon=True).start()
    rig = bench.rig(name)
    guard = Guard(rig, state)
    threading.excepthook = guard.thread_ended
    hands = Hands(bench, rig, state, Trunk(bench.root / name / "trunk"), guard)
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    try:
        while True:
            pipe.send(hands.carry_out(pipe.recv()))
    except (EOFError, BrokenPipeError):
        return
    finally:
        rig.close()


def tidy(bench: Bench, name: str) -> None:
    """Remove what a worker that was lost has left outside its folders."""
    if bench.image:
        docker.reap(bench.run, name)
    keystores.forget(bench.layout(name))


class Hands:
    """What a worker carries out its orders with."""

    def __init__(self, bench: Bench, rig: Rig, state: Golden, trunk: Trunk, guard: Guard) -> None:
        self._bench = bench
        self._rig = rig
        self._state = state
        self._trunk = trunk
        self._guard = guard

    def carry_out(self, order: Order) -> Answer | Disturbed:
        """Do what was ordered, and keep the evidence, unless the machine has disturbed it.

        What may as well be the instance's own doing counts the second time that it shows.
        """
        self._guard.begin(order.scenario)
        account = None
        try:
            answer, account = self._do(order)
        except Exception as error:
            if not self._guard.notice(error):
                raise
            answer = Lost(order.number, order.scenario, str(error))
        troubles = self._guard.troubles(order.scenario, account)
        if by := troubles.certain or (() if order.disturbed else troubles.doubtful):
            return Disturbed(order.number, by)
        return (account and self._kept(order, account)) or answer

    def _kept(self, order: Order, account: Account) -> Full | None:
        """Write the evidence of a scenario; return the answer where there is no room for it."""
        try:
            RunDir(self._bench.evidence).write_account(order.number, account)
        except NoSpace as error:
            return Full(order.number, str(error))
        return None

    def _do(self, order: Order) -> tuple[Answer, Account | None]:
        if order.task is Task.REACH:
            try:
                return Reached(order.number, reach(self._rig, self._state, order.scenario)), None
            except NotReached as error:
                return Lost(order.number, order.scenario, str(error)), None
        if order.task is Task.PROBE:
            return Probed(order.number, probes.run(self._rig, self._state)), None
        started = time.time()
        self._trunk.wanted = order.followed
        account = self._attempt(order, self._trunk)
        if account.result.trunk and _missed(account.result):
            account = self._attempt(order)
        if order.task is Task.RECORD and _missed(account.result):
            result = account.result
            return Lost(order.number, order.scenario, f"{result.verdict} {result.findings}"), account
        if order.task is Task.RECORD:
            events = [event for event in account.events if event.stage == 1]
            return Recorded(order.number, kills(events)), None
        name = multiprocessing.current_process().name
        account.result = replace(account.result, started=started, worker=name, disturbed=order.disturbed)
        return Played(order.number, account.result, self._audit(order, account)), account

    def _attempt(self, order: Order, trunk: Trunk | None = None) -> Account:
        procedure = self._bench.book[order.scenario.procedure]
        watched = order.task is Task.RECORD
        return attempt(self._rig, self._state, order.scenario, procedure, watched=watched, trunk=trunk)

    def _audit(self, order: Order, first: Account) -> tuple[str, ...]:
        """Play again where that was ordered, and return where the two traces or verdicts differ."""
        if order.task is not Task.AUDIT:
            return ()
        second = self._attempt(order)
        if first.result.verdict is not second.result.verdict:
            return (f"verdict {first.result.verdict} and then {second.result.verdict}",)
        if first.result.trunk:
            return tuple(compare(told(first.events), told(second.events)))
        return tuple(compare(first.events, second.events))


def _missed(result: Result) -> bool:
    """Whether a result says nothing: what was put back may be why, so the whole scenario has to tell."""
    return result.verdict in {Verdict.NOT_FIRED, Verdict.HARNESS_ERROR}


def _follow_the_bench() -> None:
    """End this worker when the campaign has died, also in the middle of a scenario."""
    bench = multiprocessing.parent_process()
    if bench is None:
        raise AssertionError
    bench.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _terminated(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one would cut short what the first one began
    raise SystemExit(1)
