"""What is played to validate a procedure: each crash state, one scenario.

The crash states are those from which campaigns play their controls: a kill for every step of both rotations,
and each message lost. Kills alone show two ways to end, so error replies at some steps are played as well. In
each of them every key is expected back, whatever the file predicts: that is what is asked.
"""

from collections.abc import Iterator

from hil.model.faults import Fault, FaultKind, When
from hil.model.scenario import Scenario
from hil.model.verdicts import Verdict
from hil.targets.hpcs.emulator import Shape
from hil.targets.hpcs.model import points
from hil.targets.hpcs.model.flow import Flow
from hil.targets.hpcs.model.rules import Procedure
from hil.targets.hpcs.play import controls
from hil.targets.hpcs.play.profiles import DOCUMENTED, Profile
from hil.targets.hpcs.play.record import Recording

# Events of both flows, from the first look to the last change, that an error reply can stop a command at.
REPLIES = frozenset({"instance", "load", "import", "commit", "rewrap", "setimm"})
# An expired token, and a service that is not there.
ERRORS = frozenset({"401", "503"})


def profile(procedure: Procedure, size: Profile, *, every: bool) -> Profile:
    """Return what ``hil validate`` plays; ``every``: from each crash point of the profile ``size``."""

    def plan(recording: Recording, shape: Shape) -> Iterator[Scenario]:
        found = _everywhere(size, recording, shape) if every else _states(recording, shape)
        for flow, fault in dict.fromkeys(found):
            yield Scenario(flow, (fault,), procedure.name, Verdict.RECOVERED)

    return Profile(procedure.title, size.shape, plan, promises=frozenset())


def _states(recording: Recording, shape: Shape) -> Iterator[tuple[str, Fault]]:
    for moment in controls.known(recording, shape):
        yield Flow(moment.standing.flow), Fault.parse(moment.point)
    for flow, events in recording.items():
        yield from ((flow, fault) for fault in points.others(events) if _is_reply(fault))


def _is_reply(fault: Fault) -> bool:
    return (
        fault.kind is FaultKind.ERROR
        and fault.when is When.BEFORE
        and fault.event in REPLIES
        and fault.detail in ERRORS
    )


def _everywhere(size: Profile, recording: Recording, shape: Shape) -> Iterator[tuple[str, Fault]]:
    """Yield the crash points at which the profile follows the page's own rule once."""
    for scenario in size.plan(recording, shape):
        if scenario.procedure == DOCUMENTED and len(scenario.faults) == 1:
            yield scenario.flow, scenario.faults[0]
