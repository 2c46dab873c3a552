"""No damaged text leads to a command that destroys keys, and enough of them still get an answer."""

import random

import pytest

from hil.targets.hpcs.tools.advise.advice import Answer
from tests.hil.targets.hpcs.tools.advise import damage
from tests.hil.targets.hpcs.tools.advise.conftest import advice, typed
from tests.hil.targets.hpcs.tools.advise.test_attempts import AUTO, FIRST, MADE, ONE_OF_TWO

TEXTS, ANSWERED_MIN = 600, 0.35


def test_no_damage_destroys() -> None:
    """Of hundreds of texts, damaged in two dozen ways, none gets a command after which keys would be gone."""
    told = damage.tally(damage.stored(), TEXTS, seed=1)
    print(told)
    assert told.destroying == []
    assert told.tried == TEXTS
    assert told.answered >= ANSWERED_MIN * told.tried, str(told)


def test_whole_texts_are_answered() -> None:
    """The same texts without damage: what is not answered is what the page decides by the registers alone."""
    told = damage.whole(damage.stored())
    assert (told.destroying, told.tried) == ([], 17)
    assert told.answered >= 11


@pytest.mark.parametrize("name", damage.DAMAGES)
def test_every_damage_does_something(name: str) -> None:
    """No entry of the table is idle: each changes one of the stored texts."""
    rng = random.Random(1)  # noqa: S311 - a repeatable draw
    assert any(damage.DAMAGES[name](rng, one.screen) != one.screen for one in damage.stored())


@pytest.mark.parametrize(("prompt", "program"), damage.SHELLS)
def test_shells(prompt: str, program: str) -> None:
    """Silence and message are read at the prompt of every shell alike, and how it is left does not matter."""
    for above, command in ((MADE + ONE_OF_TWO, "auto-mk-rotate"), (MADE + FIRST, "cryptounit-mk-rotate")):
        text = f"{prompt}{program}{AUTO[6:]}{above}{prompt}"
        for end in ("", "\n", "exit\n", "logout\nConnection to host closed.\n", "exit\nScript done on Sat\n"):
            assert typed(advice(text + end)) == (command,), repr(end)


@pytest.mark.parametrize(("prompt", "program"), damage.SHELLS)
def test_no_shell_hides_a_message(prompt: str, program: str) -> None:
    """Message 1, cut off right above whatever prompt, is no silence."""
    for length in range(12, len(FIRST), 6):
        told = advice(f"{prompt}{program}{AUTO[6:]}{MADE}{ONE_OF_TWO}{FIRST[:length]}\n{prompt}")
        assert "auto-mk-rotate" not in typed(told)
        assert told.answer in (Answer.LOOK, Answer.RUN)
