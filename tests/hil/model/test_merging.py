"""Depth 2 counted from its results, and second deaths that ended otherwise than equal crash states allow."""

from dataclasses import replace
from typing import Any

import pytest

from hil.model.merging import Merging, merging
from hil.model.outcome import Outcome
from hil.model.scenario import KeyCount, Result, Scenario
from hil.model.verdicts import Verdict

SECOND = "auto/tke@commit.1-after~tke@setimm.1-after/documented"
SAMPLED = "auto/unit1@commit.1-after~tke@setimm.1-after/documented"
BY_STATE = "auto/tke@commit.1-after~tke@setimm.1-after/state-based"
OTHERS = {  # what is no crash of depth 1 that a second death follows
    "auto/tke@commit.1-after+hang/documented": "hung",
    "auto/tke@commit.1-after/rerun-after-message-1": "committed",
    "auto/none/documented": "",
}
CRASHES = {
    "auto/tke@commit.1-before/documented": "loaded",
    "auto/tke@commit.1-after/documented": "committed",
    "auto/unit1@commit.1-after/documented": "committed",
    "auto/kms@instance.1-after/documented": "loaded",
}


def result(text: str, state: str, **seen: object) -> Result:
    """A scenario in which every key came back."""
    scenario = Scenario.parse(text, Verdict.RECOVERED)
    made = Result(
        scenario=scenario,
        kind=scenario.procedure,
        verdict=Verdict.RECOVERED,
        fired=tuple(True for _ in scenario.faults),
        messages={"1": True, "2": True},
        messages_at_crash={"1": False, "2": False},
        recovery=("auto-mk-rotate",),
        rules=("auto: neither message",),
        stuck="",
        state=state,
        state_at_crash=None,
        keys=KeyCount(8, 8),
        findings=(),
        seconds=0.5,
        trace=text,
        outcome=Outcome.PRESERVED,
    )
    changed: dict[str, Any] = seen
    return replace(made, **changed)


def plan(**sampled: object) -> list[Result]:
    """Four crashes in two crash states, and three second deaths, of which the second tests the merging."""
    first = [result(text, state) for text, state in (CRASHES | OTHERS).items()]
    seconds = (result(SECOND, "committed"), result(SAMPLED, "committed", **sampled))
    return [*first, *seconds, result(BY_STATE, "committed")]


def test_counts() -> None:
    """Crashes, crash states and second deaths are counted, those by the state-based rule apart."""
    assert merging(plan(), whole=False) == Merging(crashes=4, states=2, deep=3, sampled=1, state_based=1)


def test_a_recovery_that_was_never_struck() -> None:
    """In a whole plan every crash state that has a recovery has a second death; in a part it need not."""
    spared = "auto/tke@commit.1-before/documented"
    seen = merging(plan(), whole=True)
    assert seen
    assert (seen.spared, seen.doubtful) == ((spared,), True)
    struck = result("auto/tke@commit.1-before~tke@setimm.1-after/documented", "loaded")
    seen = merging([*plan(), struck], whole=True)
    assert seen
    assert (seen.spared, seen.doubtful) == ((), False)
    at_rest = [replace(one, recovery=()) if one.scenario.id == spared else one for one in plan()]
    assert merging(at_rest, whole=True) == merging(plan(), whole=False)


def test_depth_1() -> None:
    """A campaign without a second death has merged nothing."""
    assert merging([result(text, state) for text, state in CRASHES.items()], whole=True) is None


@pytest.mark.parametrize(
    "seen",
    [
        {"verdict": Verdict.DATA_LOST},
        {"outcome": Outcome.STUCK},
        {"keys": KeyCount(8, 7, 1)},
        {"messages": (True, False)},
        {"recovery": ("cryptounit-mk-rotate",)},
        {"rules": ("auto: message 1 alone",)},
    ],
)
def test_another_end(seen: dict[str, Any]) -> None:
    """A second death that ends otherwise after an equal crash state is told by its id."""
    assert merging(plan(**seen), whole=False) == Merging(4, 2, 3, 1, 1, differ=(SAMPLED,))


def test_another_trace_is_no_other_end() -> None:
    """Traces begin with different faults, and are not compared."""
    seen = merging(plan(trace="another"), whole=False)
    assert seen is not None
    assert seen.differ == ()


def test_nothing_to_compare_with() -> None:
    """A second death whose counterpart was not played proves nothing, and is told."""
    seen = merging([one for one in plan() if one.scenario.id != SECOND], whole=False)
    assert seen is not None
    assert (seen.sampled, seen.differ) == (1, (SAMPLED,))


def test_record() -> None:
    """What campaign.json keeps is read back as it was."""
    one = Merging(4, 2, 3, 1, 1, differ=(SAMPLED,))
    assert Merging.from_record(one.record()) == one
    assert "1 begin with a crash that was merged, and 0 of these ended as" in str(one)
