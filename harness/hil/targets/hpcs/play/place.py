"""Where one worker plays: a rig, what scenarios that begin alike share, and a guard against the machine."""

import multiprocessing
import threading
import time
from dataclasses import dataclass, replace
from typing import cast

from hil.engine.orders import Answer, Disturbed, Full, Lost, Order, Played, Probed, Reached, Recorded, Task
from hil.engine.rundir import RunDir
from hil.engine.space import NoSpace
from hil.model.scenario import Result, Scenario
from hil.model.verdicts import Verdict
from hil.targets.hpcs.boundaries.syscalls import is_system_call
from hil.targets.hpcs.model.points import kills
from hil.targets.hpcs.play.attempt import Account, NotReached, attempt, reach
from hil.targets.hpcs.play.bench import Bench
from hil.targets.hpcs.play.guard import Guard
from hil.targets.hpcs.play.record import compare
from hil.targets.hpcs.play.trunk import Trunk, without_reconnects
from hil.targets.hpcs.probes import run as probes
from hil.targets.hpcs.rig.golden import Golden
from hil.targets.hpcs.rig.keystore import keystores
from hil.targets.hpcs.rig.units import docker


class RigPlace:
    """A rig in which a worker plays."""

    def __init__(self, bench: Bench, name: str, state: Golden) -> None:
        self._bench = bench
        self._rig = bench.rig(name)
        self._state = state
        self._trunk = Trunk(bench.root / name / "trunk")
        self._guard = Guard(self._rig, state)
        threading.excepthook = self._guard.thread_ended

    def close(self) -> None:
        """End what runs in it."""
        self._rig.close()

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
            return tuple(compare(without_reconnects(first.events), without_reconnects(second.events)))
        return tuple(compare(first.events, second.events))


def _missed(result: Result) -> bool:
    """Whether a result says nothing: what was put back may be why, so the whole scenario has to tell."""
    return result.verdict in {Verdict.NOT_FIRED, Verdict.HARNESS_ERROR}


@dataclass(frozen=True)
class RigPlaces:
    """Makes the rigs of workers."""

    bench: Bench

    def place(self, name: str, golden: object) -> RigPlace:
        """Make a rig."""
        return RigPlace(self.bench, name, cast("Golden", golden))

    def tidy(self, name: str) -> None:
        """Remove the containers and the databases of a rig whose worker was lost."""
        if self.bench.image:
            docker.reap(self.bench.run, name)
        keystores.forget(self.bench.layout(name))

    def set_apart(self, scenario: Scenario) -> bool:
        """Whether a fault waits for a system call: to watch those everything is started anew."""
        return any(is_system_call(fault.event) for fault in scenario.faults)
