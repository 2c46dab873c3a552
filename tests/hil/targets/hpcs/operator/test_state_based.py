"""The state-based rule, over everything that an operator can see of an instance."""

from collections.abc import Iterator
from itertools import product

import pytest

from hil.targets.hpcs.model.evidence import ErrorClass, Evidence
from hil.targets.hpcs.model.registers import (
    EMPTY,
    FULL_COMMITTED,
    FULL_UNCOMMITTED,
    VALID,
    Promotion,
    Register,
    UnitRegisters,
)
from hil.targets.hpcs.model.rules import Act, LookFirst, decide
from hil.targets.hpcs.model.sight import Agreement, Rows, Sight
from hil.targets.hpcs.operator import load

PROCEDURE = load.builtin("state-based")
COMMANDS = ("auto-mk-rotate", "cryptounit-mk-load", "cryptounit-mk-rotate", "cryptounit-rm", "login")

OLD, NEXT, OTHER = "a" * 64, "b" * 64, "c" * 64
NOTHING = Register(EMPTY, "0" * 64)
CURRENTS = (NOTHING, Register(VALID, OLD), Register(VALID, NEXT))
NEWS = (
    NOTHING,
    Register(FULL_UNCOMMITTED, NEXT),
    Register(FULL_COMMITTED, NEXT),
    Register(FULL_COMMITTED, OTHER),
)
UNITS = [UnitRegisters(0, "", *pair) for pair in product(CURRENTS, NEWS)]
ROWS: tuple[dict[str, int], ...] = (
    {OLD[:32]: 3},
    {NEXT[:32]: 3},
    {OLD[:32]: 1, NEXT[:32]: 2},
    {OTHER[:32]: 1},
    {},
)


def _sights() -> Iterator[Sight]:
    """Every instance of two units with three master keys about, and every way that its rows can stand."""
    for pair, rows in product(product(UNITS, repeat=2), ROWS):
        yield Sight((), pair, rows)


def _decided(flow: str, error: ErrorClass, sight: Sight, *, messages: bool = False) -> Act:
    facts = Evidence(flow, "auto-mk-rotate", error, messages, messages, **sight.facts())
    decision = decide(PROCEDURE, facts)
    assert isinstance(decision, Act), (flow, error, sight, decision)
    return decision


def test_it_looks_before_anything_else() -> None:
    """No transcript and no error decides anything before the operator has looked."""
    for flow, command, error, one, two in product(
        ("auto", "parts"), COMMANDS, ErrorClass, (False, True), (False, True)
    ):
        assert decide(PROCEDURE, Evidence(flow, command, error, one, two)) == LookFirst()


@pytest.mark.parametrize("flow", ["auto", "parts"])
def test_total_and_disjoint(flow: str) -> None:
    """Whatever registers and rows show, exactly one rule answers."""
    for error, promotion, current, rows in product(ErrorClass, Promotion, Agreement, Rows):
        facts = Evidence(flow, "", error, False, False, promotion, current, "mixed", rows)
        assert isinstance(decide(PROCEDURE, facts), Act), facts


@pytest.mark.parametrize("flow", ["auto", "parts"])
def test_the_transcript_does_not_matter(flow: str) -> None:
    """With both messages or without, the same rule answers."""
    for sight in _sights():
        assert _decided(flow, ErrorClass.NONE, sight) == _decided(flow, ErrorClass.NONE, sight, messages=True)


@pytest.mark.parametrize("flow", ["auto", "parts"])
def test_it_never_clears_the_last_copy_of_a_key_that_rows_are_under(flow: str) -> None:
    """NEW is cleared only where CURRENT reads every row, and promoted only where no row needs CURRENT."""
    typed: set[str] = set()
    for error, sight in product(ErrorClass, _sights()):
        rule = _decided(flow, error, sight).rule
        typed.update(rule.run)
        currents = [unit.current.identity for unit in sight.units]
        news = [unit.new.identity for unit in sight.units]
        under = [half for half, count in (sight.rows or {}).items() if count]
        if {"auto-mk-rotate", "cryptounit-mk-clrnew"} & set(rule.run):
            assert all((key or "").startswith(half) for key in currents for half in under)
        if "cryptounit-mk-setimm" in rule.run:
            assert all(
                (new or old or "").startswith(half)
                for new, old in zip(news, currents, strict=True)
                for half in under
            )
    assert "@ask-a-human" in typed
    assert ("auto-mk-rotate" in typed) is (flow == "auto")


@pytest.mark.parametrize("flow", ["auto", "parts"])
def test_it_asks_where_a_crypto_unit_has_to_be_the_source(flow: str) -> None:
    """One current key, NEW not everywhere, rows under NEW: clearing or rotating anew would destroy them."""
    old, ready = Register(VALID, OLD), Register(FULL_COMMITTED, NEXT)
    units = (UnitRegisters(1, "", old, ready), UnitRegisters(2, "", old, NOTHING))
    assert _decided(flow, ErrorClass.NONE, Sight((), units, {NEXT[:32]: 3})).rule.asks
    assert not _decided(flow, ErrorClass.NONE, Sight((), units, {OLD[:32]: 3})).rule.asks
