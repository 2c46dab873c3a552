"""A replayed scenario beside the stored one."""

from dataclasses import replace

import pytest

from hil.engine.again.replay import Comparison
from hil.model.scenario import Result, Scenario, not_judged
from hil.model.verdicts import Gate, Verdict
from hil.targets.hpcs.model.standing import Extent, Standing
from hil.targets.hpcs.operator.book import Book
from hil.targets.hpcs.play.player import foretold
from tests.hil.engine.conftest import account

SCENARIO = Scenario.parse("auto/tke@commit.1-after/documented", Verdict.RECOVERED)
FINE, LOST = account(SCENARIO).result, account(SCENARIO, unreadable=1).result
MISSED = replace(FINE, verdict=Verdict.NOT_FIRED, fired=(False,))
BROKEN = not_judged(SCENARIO, "documented", "of the test")
OTHER_WAY = replace(FINE, trace="fedcba9876543210")


@pytest.mark.parametrize(
    ("now", "then", "same", "gate"),
    [
        (FINE, None, (None, None), Gate.PASS),
        (FINE, FINE, (True, True), Gate.PASS),
        (FINE, replace(FINE, trace=""), (True, None), Gate.PASS),
        (FINE, OTHER_WAY, (True, False), Gate.INCONCLUSIVE),
        (FINE, LOST, (False, True), Gate.INCONCLUSIVE),
        (FINE, BROKEN, (False, None), Gate.INCONCLUSIVE),
        (MISSED, None, (None, None), Gate.INCONCLUSIVE),
        (MISSED, MISSED, (True, True), Gate.INCONCLUSIVE),
        (LOST, None, (None, None), Gate.FAIL),
        (LOST, LOST, (True, True), Gate.FAIL),
        (LOST, FINE, (False, True), Gate.FAIL),
        (BROKEN, None, (None, None), Gate.ERROR),
    ],
)
def test_comparison(now: Result, then: Result | None, same: tuple[bool | None, ...], gate: Gate) -> None:
    """Same or different in verdict and trace; lost data outranks that it was different before."""
    compared = Comparison(now, then)
    assert ((compared.same_verdict, compared.same_trace), compared.gate) == (same, gate)


def test_what_no_plan_predicts_is_predicted_by_the_procedure() -> None:
    """With message 1 lost after the rewrap, the page's rule is expected to lose keys, also without a plan."""
    seen = Standing("auto", "auto-mk-rotate", rows=Extent.ALL, printed="1", shown="none")
    lost = replace(LOST, own={"standing": seen.record()})
    assert foretold(lost, Book()).scenario.expected is Verdict.DATA_LOST
    assert foretold(lost, Book()).as_documented
    whole = replace(lost, own={"standing": replace(seen, shown="1").record()})
    assert foretold(whole, Book()).scenario.expected is Verdict.RECOVERED
    assert foretold(BROKEN, Book()) == BROKEN
