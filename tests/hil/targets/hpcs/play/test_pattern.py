"""Patterns that no scenario can match, and those that one may."""

import pytest

from hil.targets.hpcs.operator import load
from hil.targets.hpcs.play.pattern import hopeless


@pytest.mark.parametrize(
    "pattern",
    ["", "nothing/*", "auto", "Auto/*", "auto/unit4@*", "auto/tky@x*", "auto/tke@x.1-after/documentd"],
)
def test_no_scenario_can_match(pattern: str) -> None:
    """No flow, victim or procedure is called so."""
    assert hopeless(pattern, 3, load.names())


@pytest.mark.parametrize(
    "pattern",
    ["*", "*x*", "a*", "auto/*", "auto/unit3@*", "auto/*mented", "auto/tke@x.1-after/documented", "[ap]*/k"],
)
def test_some_scenario_may_match(pattern: str) -> None:
    """What is no more than a part of a name, or depends on what is recorded, is left to the plan."""
    assert not hopeless(pattern, 3, load.names())
