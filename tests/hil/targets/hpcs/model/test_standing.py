"""How far a rotation truly had come, and which cells of a campaign are missing."""

from dataclasses import replace

import pytest

from hil.model.outcome import Outcome, outcome
from hil.model.procedure import ProcedureKind
from hil.model.scenario import Result, Scenario, not_judged
from hil.model.verdicts import Verdict
from hil.targets.hpcs.model.coverage import missing, outcomes
from hil.targets.hpcs.model.evidence import ErrorClass
from hil.targets.hpcs.model.registers import (
    EMPTY,
    FULL_COMMITTED,
    FULL_UNCOMMITTED,
    VALID,
    Register,
    UnitRegisters,
)
from hil.targets.hpcs.model.rules import Expectation, Procedure
from hil.targets.hpcs.model.standing import Extent, Standing, standing, standing_of

NONE, SOME, ALL = Extent
C, N = "c" * 64, "d" * 64
CURRENT, NOTHING = Register(VALID, C), Register(EMPTY, "0" * 64)
BARE, LOADED = (CURRENT, NOTHING), (CURRENT, Register(FULL_UNCOMMITTED, N))
COMMITTED, PROMOTED = (CURRENT, Register(FULL_COMMITTED, N)), (Register(VALID, N), NOTHING)
CLEARED = (NOTHING, NOTHING)
BEFORE = (UnitRegisters(1, "", *BARE), UnitRegisters(2, "", *BARE))


@pytest.mark.parametrize(
    ("pairs", "extents"),
    [
        ([BARE, BARE], (NONE, NONE, NONE)),
        ([BARE, LOADED], (SOME, NONE, NONE)),
        ([LOADED, LOADED], (ALL, NONE, NONE)),
        ([COMMITTED, LOADED], (ALL, SOME, NONE)),
        ([COMMITTED, COMMITTED], (ALL, ALL, NONE)),
        ([PROMOTED, COMMITTED], (ALL, ALL, SOME)),
        ([PROMOTED, PROMOTED], (ALL, ALL, ALL)),
        ([CLEARED, BARE], (NONE, NONE, NONE)),
    ],
)
def test_extents(pairs: list[tuple[Register, Register]], extents: tuple[Extent, Extent, Extent]) -> None:
    """A promoted unit has been loaded and committed; an empty CURRENT register is no promotion."""
    units = [UnitRegisters(number, "", *pair) for number, pair in enumerate(pairs, start=1)]
    seen = standing("auto", "auto-mk-rotate", units, BEFORE, (1, 3), ((True, False), (False, False)))
    assert (seen.loaded, seen.committed, seen.promoted) == extents
    assert (seen.rows, seen.printed, seen.shown) == (SOME, "1", "none")
    assert Standing.from_record(seen.record()) == seen


@pytest.mark.parametrize(
    ("verdict", "refused", "expected"),
    [
        (Verdict.RECOVERED, False, Outcome.PRESERVED),
        (Verdict.RECOVERED, True, Outcome.REFUSED),
        (Verdict.DATA_LOST, True, Outcome.LOST),
        (Verdict.STUCK, True, Outcome.STUCK),
        (Verdict.NOT_FIRED, True, None),
        (Verdict.HARNESS_ERROR, False, None),
    ],
)
def test_outcome_of_a_verdict(verdict: Verdict, refused: bool, expected: Outcome | None) -> None:  # noqa: FBT001
    """A refusal counts only where every key came back; where nothing was learned there is no outcome."""
    assert outcome(verdict, refused=refused) is expected


HERE = Standing("auto", "auto-mk-rotate", ALL, ALL, SOME, NONE, "1", "1")
CONTROL = Procedure(
    "wrong",
    ProcedureKind.FORBIDDEN,
    "",
    Verdict.DATA_LOST,
    (),
    expectations=(Expectation({"rows": ("some",)}, Outcome.LOST, "because"),),
)


def _result(procedure: str, kind: ProcedureKind, at: Standing, seen: Outcome | None) -> Result:
    scenario = Scenario.parse(f"auto/tke@commit.1-after/{procedure}", Verdict.RECOVERED)
    return replace(
        not_judged(scenario, kind, ""), own={"standing": at.record()}, outcome=seen, rules=("a rule",)
    )


def test_a_standing_without_its_control_is_missing() -> None:
    """A state that a documented scenario came to needs each control that predicts something there."""
    reached = _result("documented", ProcedureKind.DOCUMENTED, HERE, Outcome.PRESERVED)
    played = _result("wrong", ProcedureKind.FORBIDDEN, HERE, Outcome.LOST)
    assert missing([reached, played], [CONTROL]) == ()
    assert missing([reached], [CONTROL]) == (
        "wrong from auto auto-mk-rotate: loaded all, committed all, rows some, promoted none, printed 1",
    )
    assert len(missing([reached, replace(played, outcome=None)], [CONTROL])) == 1
    assert (
        len(
            missing(
                [reached, replace(played, own={"standing": replace(HERE, loaded=SOME).record()})], [CONTROL]
            )
        )
        == 1
    )


def test_how_a_command_ended_matters_to_controls_that_ask_for_it() -> None:
    """A control that goes by the error is wanted once for each; to the others all ends are one."""
    expired = replace(HERE, ended=ErrorClass.TOKEN)
    asking = replace(CONTROL, expectations=(Expectation({"ended": ("token",)}, Outcome.LOST, "because"),))
    reached = _result("documented", ProcedureKind.DOCUMENTED, expired, Outcome.PRESERVED)
    played = _result("wrong", ProcedureKind.FORBIDDEN, HERE, Outcome.LOST)
    assert missing([reached, played], [CONTROL]) == ()
    (lacking,) = missing([reached, played], [asking])
    assert lacking.endswith("printed 1, ended token")
    assert missing([reached, replace(played, own={"standing": expired.record()})], [asking]) == ()
    assert missing([replace(reached, own={"standing": HERE.record()})], [asking]) == ()
    assert Standing.from_record(expired.record()) == expired


@pytest.mark.parametrize(
    "reached",
    [
        _result("documented", ProcedureKind.DOCUMENTED, replace(HERE, rows=ALL), Outcome.PRESERVED),
        _result("documented", ProcedureKind.DOCUMENTED, replace(HERE, shown="none"), Outcome.PRESERVED),
        replace(_result("documented", ProcedureKind.DOCUMENTED, HERE, Outcome.PRESERVED), rules=()),
    ],
)
def test_what_asks_for_no_control(reached: Result) -> None:
    """Nothing is missing where the control predicts nothing, messages were lost, or nobody had to recover."""
    assert missing([reached], [CONTROL]) == ()


def test_outcomes_are_counted_by_control() -> None:
    """Only controls are counted, and only where something was learned."""
    results = [
        _result("wrong", ProcedureKind.FORBIDDEN, HERE, Outcome.LOST),
        _result("wrong", ProcedureKind.FORBIDDEN, HERE, Outcome.LOST),
        _result("wrong", ProcedureKind.FORBIDDEN, HERE, Outcome.REFUSED),
        _result("other", ProcedureKind.MISREAD, HERE, None),
        _result("documented", ProcedureKind.DOCUMENTED, HERE, Outcome.PRESERVED),
    ]
    assert outcomes(results) == {"wrong": {"LOST": 2, "REFUSED": 1}}


def test_a_result_is_as_documented_only_with_its_outcome() -> None:
    """The right verdict with another outcome is a contradiction, also after a record was read back."""
    result = replace(
        _result("wrong", ProcedureKind.FORBIDDEN, HERE, Outcome.PRESERVED),
        verdict=Verdict.RECOVERED,
        fired=(True,),
        expected_outcome=Outcome.PRESERVED,
    )
    assert result.as_documented
    wrong = replace(result, expected_outcome=Outcome.REFUSED)
    assert not wrong.as_documented
    again = Result.from_record(wrong.record())
    assert (again.outcome, again.expected_outcome, standing_of(again)) == (
        Outcome.PRESERVED,
        Outcome.REFUSED,
        HERE,
    )
    assert not again.as_documented
    assert not again.foreseen
    assert replace(again, outcome=None).foreseen
