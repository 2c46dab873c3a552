"""A worker: a process with a rig of its own that plays one scenario after the other.

It ends when its pipe closes, also because the campaign was killed, and leaves nothing behind. An interrupt
from the keyboard is the campaign's to handle, so a worker ignores it.
"""

import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from harness import sut
from harness.campaign.attempt import Account, attempt
from harness.campaign.rundir import RunDir
from harness.model.scenario import Result, Scenario
from harness.procedures import load
from harness.rig import golden
from harness.rig.containers import DockerHost
from harness.rig.golden import Golden
from harness.rig.hosts import ProcessHost, UnitHost
from harness.rig.layout import Layout
from harness.rig.rig import Rig


@dataclass(frozen=True)
class Bench:
    """What every rig of a campaign has in common; ``image`` is empty on the process backend."""

    run: str
    root: Path
    shape: sut.Shape
    image: str
    evidence: Path

    def rig(self, name: str) -> Rig:
        """Make a rig with folders of its own below ``root``."""
        layout = Layout(self.root / name / "files", self.root / name / "s")
        host: UnitHost = DockerHost(layout, self.image, self.run, name) if self.image else ProcessHost(layout)
        return Rig(layout, self.shape, host, sut.TkeTimes())


@dataclass(frozen=True)
class Order:
    """A scenario to play; ``number`` is its place in the plan, from 1."""

    number: int
    scenario: Scenario


@dataclass(frozen=True)
class Played:
    """A scenario that was played."""

    number: int
    result: Result


def make_golden(bench: Bench) -> Golden:
    """Set up the golden state on a rig that is closed afterwards."""
    rig = bench.rig("golden")
    try:
        return golden.make(rig, bench.root / "snapshot")
    finally:
        rig.close()


def work(bench: Bench, name: str, state: Golden, pipe: Connection) -> None:
    """Play every Order that comes through ``pipe`` and answer each with a Played, until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _terminated)
    rig = bench.rig(name)
    evidence = RunDir(bench.evidence)
    try:
        while True:
            order: Order = pipe.recv()
            account = _attempt(rig, state, order)
            evidence.write_account(order.number, account)
            pipe.send(Played(order.number, account.result))
    except (EOFError, BrokenPipeError):
        return
    finally:
        rig.close()


def _attempt(rig: Rig, state: Golden, order: Order) -> Account:
    return attempt(rig, state, order.scenario, load.builtin(order.scenario.procedure))


def _terminated(*_: object) -> None:
    raise SystemExit(1)
