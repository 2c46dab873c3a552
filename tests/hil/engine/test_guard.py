"""What the guard of a worker finds, on processes that are really killed or stopped."""

import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hil.model.faults import Process
from hil.model.scenario import Scenario
from hil.model.verdicts import Verdict
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.model.processes import KMS, TKE, unit
from hil.targets.hpcs.operator import load
from hil.targets.hpcs.play.attempt import Account, attempt
from hil.targets.hpcs.play.bench import Bench
from hil.targets.hpcs.play.guard import Guard, Troubles
from hil.targets.hpcs.rig import golden
from hil.targets.hpcs.rig.golden import Golden
from hil.targets.hpcs.rig.layout import scratch
from hil.targets.hpcs.rig.process import ready
from hil.targets.hpcs.rig.rig import Rig

PROCEDURE = "documented"


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[Rig, Golden, Guard]]:
    """A small instance, its snapshot, and who looks after it."""
    root = scratch("test-")
    rig = Bench("test", root, sut.Shape(operational=1, recovery=1, keys=8), "", root).rig("rig")
    try:
        state = golden.make(rig, root / "golden")
        yield rig, state, Guard(rig, state)
    finally:
        rig.close()
        shutil.rmtree(root)


def played(
    made: tuple[Rig, Golden, Guard], crash: str, disturb: Callable[[Rig, Guard], None] | None = None
) -> tuple[Account, Troubles]:
    """Play a scenario and disturb it as soon as keys are rewrapped; return what is found."""
    rig, state, guard = made
    scenario = Scenario.parse(f"auto/{crash}/{PROCEDURE}", Verdict.RECOVERED)
    rig.conductor.begin(())  # of the last scenario no event is left
    guard.begin(scenario)

    def disturbing() -> None:
        if disturb:
            ready.until(lambda: _rewrapping(rig), "the rewrap", 30)
            disturb(rig, guard)

    thread = threading.Thread(target=disturbing)
    thread.start()
    account = attempt(rig, state, scenario, load.builtin(PROCEDURE))
    thread.join()
    return account, guard.troubles(scenario, account)


def _rewrapping(rig: Rig) -> bool:
    return any(event.name == "C_WrapKey" for event in rig.conductor.events)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _door(rig: Rig) -> int:
    """The p11-kit server of the operational unit."""
    (server,) = _children(dict(rig.pids())[unit(1)])
    return server


@pytest.mark.parametrize(
    "crash", ["none", "kms@C_WrapKey.3-after", "unit1@setimm.1-before", "tke@message1.1-after"]
)
def test_what_the_bench_does_itself(made: tuple[Rig, Golden, Guard], crash: str) -> None:
    """A rotation without a fault, and deaths that were ordered, are no troubles."""
    account, troubles = played(made, crash)
    assert account.result.verdict is Verdict.RECOVERED
    assert not troubles, troubles


@pytest.mark.parametrize(
    ("process", "name"), [(KMS, "kms"), (unit(1), "unit:1"), (TKE, "'auto-mk-rotate'")], ids=str
)
def test_a_death_that_nobody_ordered(made: tuple[Rig, Golden, Guard], process: Process, name: str) -> None:
    """A process that somebody else kills is named, whatever verdict the scenario came to."""
    _, troubles = played(made, "none", lambda rig, _: os.kill(dict(rig.pids())[process], signal.SIGKILL))
    assert f"{name} was ended by SIGKILL, which the bench did not send" in troubles.certain


def test_the_door_of_a_unit(made: tuple[Rig, Golden, Guard]) -> None:
    """A p11-kit server that somebody kills takes its unit along, which says so."""
    _, troubles = played(made, "none", lambda rig, _: os.kill(_door(rig), signal.SIGKILL))
    assert "p11-kit server was killed, which the bench did not order" in troubles.certain


def test_a_connection_that_breaks(made: tuple[Rig, Golden, Guard]) -> None:
    """One whose process is killed may as well have crashed: it is told as doubtful."""

    def kill_it(rig: Rig, _: Guard) -> None:
        for remote in _children(_door(rig)):
            os.kill(remote, signal.SIGKILL)

    _, troubles = played(made, "none", kill_it)
    assert "the connection of kms to unit:1 broke" in troubles.doubtful
    assert not troubles.certain, troubles


def test_a_process_that_somebody_stops(made: tuple[Rig, Golden, Guard]) -> None:
    """It is seen while it stands, also where it goes on before any deadline passes."""
    scenario = Scenario.parse(f"auto/none/{PROCEDURE}", Verdict.RECOVERED)

    def stop_it(rig: Rig, guard: Guard) -> None:
        pid = dict(rig.pids())[KMS]
        os.kill(pid, signal.SIGSTOP)
        ready.until(lambda: bool(guard.troubles(scenario)), "a look at what runs", 30)
        os.kill(pid, signal.SIGCONT)

    account, troubles = played(made, "none", stop_it)
    assert account.result.verdict is Verdict.RECOVERED
    assert "kms was stopped, which the bench did not order" in troubles.certain


def test_a_thread_that_cannot_be_started(made: tuple[Rig, Golden, Guard]) -> None:
    """What ends a thread of the bench for want of another one is told."""
    rig, _, guard = made
    scenario = Scenario.parse(f"auto/none/{PROCEDURE}", Verdict.RECOVERED)
    guard.begin(scenario)
    error = RuntimeError("can't start new thread")
    guard.thread_ended(threading.ExceptHookArgs((RuntimeError, error, None, None)))
    assert guard.troubles(scenario).certain == ("no more processes or threads can be started",)
    assert rig.casualties() == ()
