"""What is played to validate a procedure."""

from hil.model.events import Event
from hil.model.faults import BLINDING, EventClass, FaultKind, Process, When
from hil.model.scenario import Scenario
from hil.model.verdicts import Verdict
from hil.targets.hpcs.emulator import Shape
from hil.targets.hpcs.model.flow import Flow
from hil.targets.hpcs.model.processes import KMS, TKE, unit
from hil.targets.hpcs.operator import load
from hil.targets.hpcs.play import moments
from hil.targets.hpcs.play.profiles import PROFILES
from hil.targets.hpcs.play.record import Recording
from hil.targets.hpcs.tools.validate import plan

SHAPE = Shape(1, 1, 0, 8)
ROWS = 12
# As much of a recording as plans are made from.
EVENTS: tuple[tuple[str, EventClass, Process, Process, int], ...] = (
    ("instance", EventClass.REST, TKE, KMS, 1),
    ("query", EventClass.ADMIN, TKE, unit(1), 1),
    ("commit", EventClass.ADMIN, TKE, unit(1), 1),
    ("rewrap", EventClass.REST, TKE, KMS, 1),
    *(("C_WrapKey", EventClass.PKCS11, KMS, unit(1), number) for number in range(1, ROWS + 1)),
    ("line", EventClass.TRANSCRIPT, TKE, TKE, 1),
    ("setimm", EventClass.ADMIN, TKE, unit(1), 1),
)


def _recording() -> Recording:
    events = [
        Event(at, 0, 0.0, boundary, name, ordinal, when, client, server)
        for at, (name, boundary, client, server, ordinal) in enumerate(EVENTS)
        for when in ((When.AFTER,) if name == "line" else (When.BEFORE, When.AFTER))
    ]
    return dict.fromkeys(Flow, events)


def _plan(*, every: bool) -> tuple[Scenario, ...]:
    profile = plan.profile(load.builtin("rerun-after-message-1"), PROFILES["default"], every=every)
    assert not profile.promises
    return tuple(profile.plan(_recording(), SHAPE))


def test_from_every_crash_state_and_every_way_to_end() -> None:
    """One scenario for each moment of both flows, each lost message and error replies, and none twice."""
    scenarios = _plan(every=False)
    points = {(str(one.flow), one.faults[0].id) for one in scenarios}
    known = [*moments.auto(SHAPE, ROWS), *moments.parts(SHAPE, ROWS)]
    assert {(one.standing.flow, one.point) for one in known} <= points
    assert len(points) == len(scenarios)
    assert {one.faults[0].kind for one in scenarios} == {FaultKind.KILL, FaultKind.ERROR, *BLINDING}
    replies = {one.faults[0].id for one in scenarios if one.faults[0].kind is FaultKind.ERROR}
    assert "kms@instance.1-before+error.401" in replies
    assert not any(name.startswith("unit1@query") or "CKR" in name or "-after" in name for name in replies)


def test_every_crash_point() -> None:
    """On request it is each point at which the profile follows the page's rule, and no other procedure."""
    scenarios = _plan(every=True)
    theirs = [
        scenario
        for scenario in PROFILES["default"].plan(_recording(), SHAPE)
        if scenario.procedure == "documented" and len(scenario.faults) == 1
    ]
    assert {(one.flow, one.faults) for one in scenarios} == {(one.flow, one.faults) for one in theirs}


def test_every_key_is_expected_back() -> None:
    """Whatever the file itself predicts: a procedure that announces a loss does not preserve."""
    assert {(one.procedure, one.expected) for one in _plan(every=False)} == {
        ("rerun-after-message-1", Verdict.RECOVERED)
    }
