"""A small instance after a real rotation, restored for every test."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest

from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.model.ledger import Known
from hil.targets.hpcs.model.observation import OracleJudgement
from hil.targets.hpcs.oracle.judge import Oracle
from hil.targets.hpcs.play.bench import Bench
from hil.targets.hpcs.rig import golden
from hil.targets.hpcs.rig.golden import Golden
from hil.targets.hpcs.rig.layout import scratch
from hil.targets.hpcs.rig.rig import Rig

SHAPE = sut.Shape(operational=1, recovery=1, keys=8)


@dataclass
class Scene:
    """A rig that holds a healthy, rotated instance, and the oracle's eye on it."""

    rig: Rig
    state: Golden

    def judge(self, *transcript: str) -> OracleJudgement:
        """Ask the oracle."""
        rest = self.rig.rest()
        return Oracle(self.rig.layout, SHAPE, self.state.ledger, self.state.registers, rest).judge(transcript)

    def tke(self, command: str, units: str = "") -> None:
        """Run a command of the operator; ``units`` where it asks for numbers."""
        ended = self.rig.tke(command, sut.answers(units))
        assert ended.exit_code == 0, ended.lines

    def sql(self, statement: str, *values: object) -> None:
        """Damage the key store's file."""
        with closing(sqlite3.connect(self.rig.layout.key_store, timeout=10)) as store, store:
            assert store.execute(statement, values).rowcount == 1

    def row(self, fits: Callable[[Known], bool]) -> Known:
        """Return a row of the ledger."""
        return next(row for row in self.state.ledger.rows if fits(row))


@pytest.fixture(scope="module")
def rotated() -> Iterator[tuple[Rig, Golden]]:
    """Set up, rotate, and keep the result as a snapshot."""
    root = scratch("test-")
    rig = Bench("test", root, SHAPE, "", root).rig("rig")
    try:
        made = golden.make(rig, root / "golden")
        rig.start()
        ended = rig.tke("auto-mk-rotate", sut.answers())
        assert ended.exit_code == 0, ended.lines
        rig.snapshot(root / "rotated")
        yield rig, Golden(root / "rotated", made.ledger, made.registers)
    finally:
        rig.close()
        shutil.rmtree(root)


@pytest.fixture
def scene(rotated: tuple[Rig, Golden]) -> Scene:
    """A running instance in its healthy state."""
    rig, state = rotated
    rig.restore(state.snapshot)
    return Scene(rig, state)
