"""Controls in the plans of the profiles, and a campaign that has none."""

import shutil
from itertools import groupby
from pathlib import Path

import pytest

from hil.engine.again.merge import merge, read
from hil.engine.again.recheck import recheck
from hil.engine.campaign import Campaign
from hil.engine.plan import Origin
from hil.engine.rundir import RunDir, read_campaign
from hil.engine.stored import Stored
from hil.model.events import Event
from hil.model.faults import EventClass, When
from hil.model.procedure import ProcedureKind
from hil.model.scenario import Scenario
from hil.model.verdicts import Gate, Verdict
from hil.targets.hpcs.emulator import Shape
from hil.targets.hpcs.model.coverage import CONTROL_KINDS
from hil.targets.hpcs.model.flow import Flow
from hil.targets.hpcs.model.processes import KMS, TKE, unit
from hil.targets.hpcs.operator import load
from hil.targets.hpcs.operator.book import Book
from hil.targets.hpcs.play import controls, moments
from hil.targets.hpcs.play.bench import Bench
from hil.targets.hpcs.play.profiles import PROFILES, Profile
from hil.targets.hpcs.play.record import Recording
from hil.targets.hpcs.rig.layout import scratch
from hil.targets.hpcs.target import HpcsTarget
from tests.hil.engine.conftest import HEAD, account

ROWS = 12
SHAPES = (Shape(1, 1, 0, 8), Shape(2, 1, 0, 8), Shape(3, 2, 1, 24))


def _recording() -> Recording:
    """As much of a recording as plans are made from: rows, lines, and where the promotion begins."""
    calls = [("C_WrapKey", EventClass.PKCS11, KMS, unit(1), number) for number in range(1, ROWS + 1)]
    lines = [("line", EventClass.TRANSCRIPT, TKE, TKE, number) for number in range(1, 6)]
    promotion = [("setimm", EventClass.ADMIN, TKE, unit(1), 1)]
    events = [
        Event(at, 0, 0.0, boundary, name, ordinal, when, client, server)
        for at, (name, boundary, client, server, ordinal) in enumerate([*calls, *lines, *promotion])
        for when in ((When.AFTER,) if name == "line" else (When.BEFORE, When.AFTER))
    ]
    return dict.fromkeys(Flow, events)


def _plan(profile: str, shape: Shape) -> list[Scenario]:
    return list(PROFILES[profile].plan(_recording(), shape))


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_keeps_its_promise(profile: str) -> None:
    """Each profile has controls of each kind in its plan, and no scenario twice."""
    plan = _plan(profile, PROFILES[profile].shape)
    assert controls.lacking(plan, PROFILES[profile].promises, Book()) == ()
    assert len({scenario.id for scenario in plan}) == len(plan)
    assert controls.lacking(
        [one for one in plan if one.procedure == "documented"], CONTROL_KINDS, Book()
    ) == (
        "forbidden",
        "misread",
        "state-based",
    )


@pytest.mark.parametrize("profile", ["documented", "default", "full"])
@pytest.mark.parametrize("shape", SHAPES)
def test_no_control_is_left_out(profile: str, shape: Shape) -> None:
    """Every forbidden and misread step is played, as often as it can have another outcome."""
    plan = _plan(profile, shape)
    for procedure in controls.procedures():
        verdicts = {one.expected for one in plan if one.procedure == procedure.name}
        possible = {
            procedure.verdict(moment.standing)
            for moment in (
                *moments.auto(shape, ROWS),
                *moments.parts(shape, ROWS),
                *(moments.expired(shape) if procedure.asks_for("ended") else ()),
            )
            if procedure.expectation(moment.standing)
        }
        assert verdicts == possible != set(), procedure.name


def test_the_state_based_rule_is_played_from_every_moment() -> None:
    """What has to hold everywhere is tried everywhere, also where a message was lost."""
    shape = Shape(2, 1, 0, 8)
    plan = {one.id: one.expected for one in _plan("default", shape)}
    recording = _recording()
    table = (*moments.auto(shape, ROWS), *moments.parts(shape, ROWS))
    for moment in (*table, *moments.blinded(shape, recording[Flow.AUTO])):
        assert plan[f"{moment.standing.flow}/{moment.point}/state-based"] is Verdict.RECOVERED


def test_a_lost_message_is_expected_to_cost_the_keys() -> None:
    """Each of the three ways to lose message 1 after the rewrap is planned with the loss that follows."""
    plan = {one.id: one.expected for one in _plan("default", Shape(2, 1, 0, 8))}
    for point in ("tke@rewrap.1-after+gone", "tke@rewrap.1-after+buffered", "tke@line.5-after+cut"):
        assert plan[f"auto/{point}/documented"] is Verdict.DATA_LOST
    assert plan["auto/tke@message1.1-after+gone/documented"] is Verdict.RECOVERED


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_looks_for_the_token_first(profile: str) -> None:
    """The page's order taken at its word is played by each profile where a message stands, and loses keys."""
    plan = _plan(profile, PROFILES[profile].shape)
    found = {one.expected for one in plan if one.id == "auto/kms@rewrap.1-after+error.401/token-first"}
    assert found == {Verdict.DATA_LOST}


def test_what_begins_alike_is_played_in_a_row() -> None:
    """Scenarios with the same flow and first fault stand side by side."""
    plan = _plan("default", Shape(2, 1, 0, 8))
    beginnings = [key for key, _ in groupby(plan, lambda one: (one.flow, one.faults[0]))]
    assert len(beginnings) == len(set(beginnings)) < len(plan)


@pytest.mark.parametrize("shape", SHAPES)
def test_moments_are_different_points_of_one_rotation(shape: Shape) -> None:
    """No crash point stands twice in a table, and the rotation never goes back from one to the next."""
    order = ("none", "some", "all")
    for chosen in (
        list(moments.auto(shape, ROWS)),
        list(moments.parts(shape, ROWS)),
        list(moments.expired(shape)),
    ):
        assert len({moment.point for moment in chosen}) == len(chosen)
        for fact in ("loaded", "committed", "rows", "promoted"):
            steps = [order.index(getattr(moment.standing, fact)) for moment in chosen]
            assert steps == sorted(steps), (fact, chosen)


def test_a_campaign_without_controls_proves_nothing(tmp_path: Path) -> None:
    """Where a profile promises controls and its plan has none, the gate is inconclusive and says why."""
    shape = Shape(1, 1, 0, 8)
    text = "auto/tke@message1.1-after/documented"
    bare = Profile("of the test", shape, lambda *_: [Scenario.parse(text, Verdict.RECOVERED)])
    rundir = RunDir.create(tmp_path / "run")
    root = scratch("test-")
    bench = Bench("test", root, shape, "", rundir.path)
    try:
        outcome = Campaign(HpcsTarget(bench, "test", bare), rundir, 1, lambda *_: None).run()
    finally:
        shutil.rmtree(root, ignore_errors=True)
    assert [result.verdict for result in outcome.results] == [Verdict.RECOVERED]
    assert outcome.gate is Gate.INCONCLUSIVE
    missing = [f"every control of kind {kind}" for kind in sorted(CONTROL_KINDS)]
    assert read_campaign(rundir.path)["controls"]["missing"] == missing
    assert recheck(Stored.read(rundir.path)).gate is Gate.INCONCLUSIVE


def test_controls_are_missed_by_whoever_puts_the_whole_together(tmp_path: Path) -> None:
    """A plan says that it is all of a profile, so that shards put together and a recheck miss them too."""
    ids = [f"auto/tke@{point}/documented" for point in ("message1.1-after", "message2.1-after")]
    plan = [Scenario.parse(text, Verdict.RECOVERED) for text in ids]
    shards = []
    for number, scenario in enumerate(plan, start=1):
        rundir = RunDir.create(tmp_path / str(number))
        rundir.keep_equipment("process", None, None)
        rundir.write_plan(plan, Origin("smoke", Shape(1, 1, 0, 8), scenarios=len(plan)))
        rundir.write_account(number, account(scenario))
        rundir.add_result(number, account(scenario).result)
        head = HEAD | {"profile": "smoke", "planned": 1, "total": 2}
        rundir.write_campaign(head, list(rundir.results().values()))
        assert recheck(Stored.read(rundir.path)).gate is Gate.PASS
        shards.append(rundir.path)
    outcome = merge(read(shards), tmp_path / "merged")
    assert outcome.gate is Gate.INCONCLUSIVE
    assert outcome.lacking == tuple(f"every control of kind {kind}" for kind in sorted(CONTROL_KINDS))
    assert recheck(Stored.read(tmp_path / "merged")).gate is Gate.INCONCLUSIVE


def test_kinds_of_the_builtins() -> None:
    """The steps that the page forbids, its misreadings and the rule by state are all there."""
    names: dict[ProcedureKind, set[str]] = {}
    for name in load.names():
        names.setdefault(load.builtin(name).kind, set()).add(name)
    assert {kind: len(found) for kind, found in names.items()} == {
        ProcedureKind.DOCUMENTED: 1,
        ProcedureKind.FORBIDDEN: 8,
        ProcedureKind.MISREAD: 7,
        ProcedureKind.STATE_BASED: 1,
    }
