"""A run directory that the processes of a pytest session write to together.

It looks like that of a campaign which was interrupted: plan, results, folders of the scenarios, and no
campaign.json. ``hil run --out`` goes on with it.
"""

import fcntl
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from hil.engine.errors import BadRunDir, RunDirBusy
from hil.engine.plan import Origin
from hil.engine.rundir import RESULTS, RunDir
from hil.model.scenario import Scenario
from hil.targets.hpcs.play import benches
from hil.targets.hpcs.play.attempt import Account
from hil.targets.hpcs.rig.modules.equipment import Equipment
from hil.targets.hpcs.rig.preflight import NotReadyHere, check_folder


class CannotKeep(Exception):
    """The folder cannot be used; the text says why."""


class SessionEvidence:
    """The run directory as one process of the session sees it."""

    def __init__(self, folder: Path) -> None:
        self._rundir = RunDir(folder)

    @classmethod
    def make(cls, folder: Path, scenarios: Sequence[Scenario], origin: Origin, equipment: Equipment) -> Self:
        """Make the folder and lock it while this process lives; raises CannotKeep."""
        try:
            check_folder(folder)
            rundir = RunDir.create(folder)
            if rundir.plan() not in (None, tuple(scenarios)):
                raise CannotKeep(f"{folder} belongs to another plan; choose another folder")
            benches.keep(rundir, equipment)
            rundir.write_plan(scenarios, origin)
        except (BadRunDir, NotReadyHere, RunDirBusy) as error:
            raise CannotKeep(str(error)) from error
        return cls(folder)

    def keep(self, number: int, account: Account) -> Path:
        """Write what scenario ``number`` of the plan left, and return its folder."""
        self._rundir.write_account(number, account)
        with (self._rundir.path / RESULTS).open("a") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)  # a long line is written in pieces
            self._rundir.add_result(number, account.result)
        return self._rundir.path / "scenarios" / str(number)
