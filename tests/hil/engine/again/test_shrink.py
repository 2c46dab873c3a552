"""Shrinking: which scenarios are tried, which are kept, and that it ends."""

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from hil.engine.again.shrink import keeps, search, shrink
from hil.model.scenario import KeyCount, Result, Scenario
from hil.model.verdicts import Verdict
from hil.targets.hpcs.play.attempt import Account
from tests.hil.engine.conftest import account

DEEP = "auto/kms@C_WrapKey.{}-after~tke@setimm.{}-after/documented"


def _scenario(text: str) -> Scenario:
    return Scenario.parse(text, Verdict.RECOVERED)


def _ordinals(scenario: Scenario) -> tuple[int, ...]:
    return tuple(fault.ordinal for fault in scenario.faults)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_smallest_ordinal(needed: int, more: int, other: int) -> None:
    """Where the verdict depends on one ordinal alone, that one is found and the other fault is dropped."""
    first = _scenario(DEEP.format(needed + more, other))
    asked: list[str] = []

    def holds(scenario: Scenario) -> bool:
        asked.append(scenario.id)
        return scenario.faults[0].event == "C_WrapKey" and scenario.faults[0].ordinal >= needed

    smallest = search(first, holds, 1000)
    assert smallest.id == f"auto/kms@C_WrapKey.{needed}-after/documented"
    assert len(asked) == len(set(asked))


@given(st.integers(2, 30), st.integers(2, 30))
def test_both_faults_are_needed(first: int, second: int) -> None:
    """Faults that are all needed stay, each at its lowest ordinal."""
    smallest = search(_scenario(DEEP.format(first, second)), lambda one: len(one.faults) == 2, 1000)
    assert _ordinals(smallest) == (1, 1)


@given(st.integers(0, 20), st.randoms(use_true_random=False))
def test_bounded(tries: int, chance: Random) -> None:
    """Whatever the verdicts are, there are no more tries than allowed, and the end is one that held."""
    first = _scenario(DEEP.format(30, 30))
    held = {first.id}
    asked: list[str] = []

    def holds(scenario: Scenario) -> bool:
        asked.append(scenario.id)
        if chance.random() < 0.5:
            held.add(scenario.id)
        return scenario.id in held

    assert search(first, holds, tries).id in held
    assert len(asked) <= tries


def _lost(scenario: Scenario) -> Result:
    return account(scenario, unreadable=2).result


def test_what_keeps() -> None:
    """The verdict, by faults that all struck; for lost data also that keys are lost."""
    first = _lost(_scenario(DEEP.format(3, 1)))
    assert keeps(first, first)
    assert not keeps(first, replace(first, verdict=Verdict.STUCK))
    assert not keeps(first, replace(first, fired=(True, False)))
    assert not keeps(first, replace(first, keys=KeyCount(8, 8)))


def test_proof() -> None:
    """The smallest one is played once more, and counts as proven where verdict and trace are the same."""
    played: list[str] = []
    traces = {"auto/kms@C_WrapKey.1-after/documented": ["one", "other"]}

    def play(scenario: Scenario) -> Account:
        played.append(scenario.id)
        lost = scenario.faults[0].event == "C_WrapKey"
        result = account(scenario, unreadable=2 if lost else 0).result
        return Account(replace(result, trace=traces.get(scenario.id, ["x"]).pop(0)) if lost else result)

    told: list[tuple[int, str, bool]] = []
    first = _lost(_scenario(DEEP.format(2, 1)))
    shrunk = shrink(play, first, 10, lambda *news: told.append((news[0], news[1].scenario.id, news[2])))
    assert told == [
        (1, "auto/kms@C_WrapKey.2-after/documented", True),
        (2, "auto/kms@C_WrapKey.1-after/documented", True),
    ]
    assert shrunk.tries == 2
    assert played[-2:] == ["auto/kms@C_WrapKey.1-after/documented"] * 2
    assert not shrunk.proven
    assert replace(shrunk, proof=shrunk.smallest).proven
