"""Scenarios in sentences."""

import shlex

from hil.model.faults import Fault, FaultKind
from hil.model.scenario import Scenario
from hil.targets.hpcs.model.flow import Flow

ROTATIONS: dict[str, str] = {Flow.AUTO: "by recovery crypto units", Flow.PARTS: "by key-part files"}
_HAPPENS = {
    FaultKind.KILL: "{victim} is killed",
    FaultKind.HANG: "{victim} stops answering",
    FaultKind.ERROR: "{victim} gives the error {detail}",
    FaultKind.LOST: "the reply of {victim} is lost",
    FaultKind.FULL: "the disk of {victim} is full",
    FaultKind.GONE: "{victim} is killed, and nothing that it printed is left",
    FaultKind.CUT: "{victim} is killed, and only its last line is left",
    FaultKind.BUFFERED: "{victim} is killed, and what it had buffered was never printed",
}


def happens(fault: Fault) -> str:
    """Say what strikes, and when."""
    what = _HAPPENS[fault.kind].format(victim=fault.victim, detail=fault.detail)
    return f"{what} {fault.when} {fault.event} number {fault.ordinal}"


def claim(scenario: Scenario, title: str) -> str:
    """Say what a scenario tries, and what is predicted; ``title`` is that of its procedure."""
    first = happens(scenario.faults[0]) if scenario.faults else "nothing strikes"
    again = "".join(f"; in the recovery, {happens(fault)}" for fault in scenario.faults[1:])
    return (
        f"A rotation {ROTATIONS[scenario.flow]}: {first}. The operator follows "
        f"“{scenario.procedure}” ({title}){again}. Predicted: {scenario.expected}."
    )


def replay(scenario: Scenario, home: str) -> str:
    """Return the command that plays a scenario of the run directory ``home`` again."""
    return shlex.join(["hil", "replay", scenario.id, "--run", home])
