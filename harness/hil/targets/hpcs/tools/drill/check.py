"""What came of a drill: are the keys safe, is the rotation complete. It looks only, as often as one likes."""

import shlex
from dataclasses import dataclass
from enum import StrEnum

from hil.model.scenario import Finding
from hil.model.verdicts import Verdict
from hil.targets.hpcs.model.observation import judge
from hil.targets.hpcs.oracle.judge import Oracle
from hil.targets.hpcs.rig.preflight import NotReadyHere
from hil.targets.hpcs.rig.rest import RequestRefused, Rest
from hil.targets.hpcs.tools.byhand.record import Record
from hil.targets.hpcs.tools.drill.record import Drill
from hsm_emulator.wire import unixhttp


class DrillStatus(StrEnum):
    """Where a drill stands."""

    SURVIVED = "SURVIVED"  # every key is readable, and the rotation complete
    OPEN = "OPEN"  # no key is lost, but something is still to do
    LOST = "LOST"  # the master key of some rows is in no register any more


STANDINGS = {Verdict.RECOVERED: DrillStatus.SURVIVED, Verdict.DATA_LOST: DrillStatus.LOST}


class NotAnswering(Exception):
    """Something of the instance is dead, so that nothing can be said."""


@dataclass(frozen=True)
class DrillCheck:
    """What was seen; ``missing`` says what is left to do where the drill is open."""

    standing: DrillStatus
    keys: int
    lost: int
    missing: tuple[Finding, ...]


def check(instance: Record, drill: Drill) -> DrillCheck:
    """Look at the instance of a drill; raises NotAnswering."""
    try:
        rest = Rest.login(instance.layout)
        oracle = Oracle(instance.layout, instance.shape, instance.ledger, drill.before, rest)
        judgement = judge(oracle.look(()))
    except (NotReadyHere, RequestRefused, unixhttp.Unreachable) as error:
        quoted = shlex.quote(str(instance.folder))
        told = f"not everything runs ({error}); start it again: hil up --dir {quoted}"
        raise NotAnswering(told) from error
    keys = judgement.keys
    return DrillCheck(
        STANDINGS.get(judgement.verdict, DrillStatus.OPEN), keys.total, keys.gone, judgement.findings
    )
