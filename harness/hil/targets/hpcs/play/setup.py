"""What comes before a campaign: the golden state, and what is recorded on it."""

import shutil
from contextlib import suppress
from pathlib import Path

from hil.engine import space
from hil.engine.phases import OnPhase, Phase, ignore_phase
from hil.targets.hpcs.play.bench import Bench
from hil.targets.hpcs.play.record import GoldenFailed, NotRepeatable, Recording, record
from hil.targets.hpcs.rig import golden
from hil.targets.hpcs.rig.golden import Golden
from hil.targets.hpcs.rig.rig import Rig

LOGS = "logs"  # beside the evidence, of an instance that could not be set up


def prepare(bench: Bench, *, recorded: bool, entered: OnPhase = ignore_phase) -> tuple[Golden, Recording]:
    """Set up the golden state, and record every flow on it where that is asked for.

    Raises GoldenError, GoldenFailed or NotRepeatable, or NoSpace where a full disk is why.
    """
    entered(Phase.GOLDEN)
    rig = bench.rig("golden")
    try:
        state = golden.make(rig, bench.root / "snapshot")
        if not recorded:
            return state, {}
        entered(Phase.RECORDING)
        return state, record(rig, state)
    except (golden.GoldenError, GoldenFailed, NotRepeatable) as error:
        advice = "set HIL_TMP to a folder with more room"
        space.require(bench.root.parent, space.LEAST_BYTES, "to set up an instance", advice)
        raise type(error)(f"{error}{_logs_kept(bench, rig)}") from error
    finally:
        rig.close()


def _logs_kept(bench: Bench, rig: Rig) -> str:
    """Keep what the processes of an instance said with the evidence, where there is any, and say where."""
    if bench.evidence == Path():
        return ""
    kept = bench.evidence / LOGS
    with suppress(OSError):  # a disk that is full may be why
        shutil.copytree(rig.layout.logs, kept, dirs_exist_ok=True)
    return f"; what the processes said is in {kept}"
