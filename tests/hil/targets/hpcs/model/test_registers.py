"""How far a promotion has come, over every small instance that can be written down."""

from collections.abc import Sequence
from itertools import product

import pytest

from hil.targets.hpcs.model.registers import (
    EMPTY,
    FULL_COMMITTED,
    FULL_UNCOMMITTED,
    VALID,
    Promotion,
    Register,
    UnitRegisters,
    promoted,
    promotion,
)

NOTHING = Register(EMPTY, "0" * 64)
CURRENTS = (NOTHING, Register(VALID, "a" * 64), Register(VALID, "b" * 64))
NEWS = (
    NOTHING,
    Register(FULL_UNCOMMITTED, "b" * 64),
    Register(FULL_COMMITTED, "b" * 64),
    Register(FULL_COMMITTED, "c" * 64),
)
PAIRS = list(product(CURRENTS, NEWS))
Pairs = Sequence[tuple[Register, Register]]


def _units(pairs: Pairs) -> list[UnitRegisters]:
    return [UnitRegisters(number, "", *pair) for number, pair in enumerate(pairs, start=1)]


def _as_the_page_says(pairs: Pairs) -> Promotion:
    """Try every way to split the units into promoted ones and ones to come."""
    answers = set()
    for split in product([True, False], repeat=len(pairs)):
        done = [pair for pair, is_done in zip(pairs, split, strict=True) if is_done]
        rest = [pair for pair, is_done in zip(pairs, split, strict=True) if not is_done]
        olds, news = {current for current, _ in rest}, {new for _, new in rest}
        keys = {current for current, _ in done}
        if any(new.state != EMPTY for _, new in done) or any(key.state != VALID for key in keys | olds):
            continue
        if not rest and len(keys) == 1:
            answers.add(Promotion.ALL)
        if len(olds) == len(news) == 1 and {new.state for new in news} == {FULL_COMMITTED}:
            (old,), (new,) = olds, news
            if old.pattern != new.pattern and not done:
                answers.add(Promotion.NONE)
            if old.pattern != new.pattern and {key.pattern for key in keys} == {new.pattern}:
                answers.add(Promotion.SOME)
    assert len(answers) <= 1
    return answers.pop() if answers else Promotion.UNCLEAR


@pytest.mark.parametrize("size", [1, 2, 3])
def test_promotion_of_every_small_instance(size: int) -> None:
    """The classification is the page's own, in each of up to 12 ** 3 instances."""
    seen = set()
    for pairs in product(PAIRS, repeat=size):
        answer = promotion(_units(pairs))
        assert answer is _as_the_page_says(pairs), pairs
        seen.add(answer)
    assert seen >= {Promotion.NONE, Promotion.ALL, Promotion.UNCLEAR}
    assert (Promotion.SOME in seen) is (size > 1)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_promoted_units(size: int) -> None:
    """A unit counts as promoted where its NEW is empty and another one waits for what it has in CURRENT."""
    for pairs in product(PAIRS, repeat=size):
        waiting = {new.pattern for _, new in pairs if new.state != EMPTY}
        expected = [
            number
            for number, (current, new) in enumerate(pairs, start=1)
            if new.state == EMPTY and current.state == VALID and current.pattern in waiting
        ]
        assert list(promoted(_units(pairs))) == expected


def test_no_units() -> None:
    """Nothing is known of no units."""
    assert promotion(()) is Promotion.UNCLEAR
    assert promoted(()) == ()


def test_blanked_pattern_is_the_same_pattern() -> None:
    """A module that blanks the last four bytes of a pattern agrees with one that does not."""
    old, blanked = Register(VALID, "a" * 64), Register(VALID, "b" * 56 + "0" * 8)
    units = _units([(blanked, NOTHING), (old, Register(FULL_COMMITTED, "b" * 64))])
    assert promotion(units) is Promotion.SOME
    assert promoted(units) == (1,)


def test_brief_form() -> None:
    """The form of campaign.json: patterns of eight digits, null where the register is empty."""
    (unit,) = _units([(CURRENTS[1], NOTHING)])
    assert unit.brief() == {
        "number": 1,
        "type": "",
        "current": "aaaaaaaa",
        "new": None,
        "new_state": "Empty",
    }
