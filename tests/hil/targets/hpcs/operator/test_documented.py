"""The documented procedure, over all evidence that an operator who follows it can come to.

Where the page gives no rule, the operator is stuck. These holes are facts about the page and stand here, so
that a new one, or one that is closed, is seen.
"""

from collections.abc import Iterator
from dataclasses import replace

from hil.targets.hpcs.model.evidence import ErrorClass, Evidence
from hil.targets.hpcs.model.registers import Promotion
from hil.targets.hpcs.model.rules import Act, LookFirst, NoAnswer, decide
from hil.targets.hpcs.operator import load

NEITHER, FIRST, SECOND, BOTH = (False, False), (True, False), (False, True), (True, True)

# The commands that an operator may be in when a rotation stops, with the messages that can stand above.
# Message 1 comes from auto-mk-rotate alone, message 2 only after it, or from the key-part flow.
REACHED = {
    ("auto", "login"): (NEITHER,),
    ("auto", "auto-mk-rotate"): (NEITHER, FIRST, BOTH),
    ("auto", "cryptounit-mk-rotate"): (FIRST, BOTH),
    ("auto", "cryptounit-rm"): (BOTH,),
    ("auto", "cryptounit-mk-setimm"): (BOTH,),
    ("parts", "login"): (NEITHER,),
    ("parts", "cryptounit-mk-load"): (NEITHER,),
    ("parts", "cryptounit-mk-commit"): (NEITHER,),
    ("parts", "cryptounit-mk-clrnew"): (NEITHER,),
    ("parts", "cryptounit-mk-rotate"): (NEITHER, SECOND),
    ("parts", "cryptounit-rm"): (SECOND,),
    ("parts", "cryptounit-mk-setimm"): (SECOND,),
}
# Errors that only some commands end with.
ENDS = {
    ErrorClass.PRECHECK: {"auto-mk-rotate", "cryptounit-mk-rotate", "cryptounit-mk-setimm"},
    ErrorClass.SAME_KEY: {"cryptounit-mk-load"},
}

# (flow, command, error) with neither message, for which the page has no rule.
HOLES = {
    ("auto", "auto-mk-rotate", "precheck"),
    ("parts", "cryptounit-mk-rotate", "precheck"),
    ("parts", "cryptounit-mk-load", "same-key"),
    ("parts", "login", "none"),
    ("parts", "login", "other"),
}

PROCEDURE = load.builtin("documented")


def _reached() -> Iterator[Evidence]:
    for (flow, command), seen in REACHED.items():
        for message1, message2 in seen:
            for error in ErrorClass:
                if command in ENDS.get(error, {command}):
                    yield Evidence(flow, command, error, message1=message1, message2=message2)


def test_no_two_rules_match() -> None:
    """The page never says two things at once, before a look at the registers and after it."""
    for facts in _reached():
        for promotion in (None, *Promotion):
            decision = decide(PROCEDURE, replace(facts, promotion=promotion))
            assert not (isinstance(decision, NoAnswer) and decision.matching), (facts, decision)


def test_holes_before_message_2() -> None:
    """Before message 2 the transcript alone decides, and exactly the known holes have no rule."""
    before = [facts for facts in _reached() if not facts.message2]
    decisions = {facts: decide(PROCEDURE, facts) for facts in before}
    assert not any(isinstance(decision, LookFirst) for decision in decisions.values())
    silent = {facts for facts, decision in decisions.items() if isinstance(decision, NoAnswer)}
    assert {(facts.flow, facts.command, str(facts.error)) for facts in silent} == HOLES
    assert not any(facts.message1 for facts in silent)


def test_after_message_2_only_unclear_registers_are_a_hole() -> None:
    """After message 2 the operator looks, and has a rule for every promotion that is clear."""
    for facts in _reached():
        if facts.message2:
            assert isinstance(decide(PROCEDURE, facts), LookFirst)
            for promotion in Promotion:
                decision = decide(PROCEDURE, replace(facts, promotion=promotion))
                assert isinstance(decision, Act) is (promotion is not Promotion.UNCLEAR), facts


def test_every_rule_is_followed_somewhere() -> None:
    """No rule is dead: each is the answer to some evidence."""
    answers = (
        decide(PROCEDURE, replace(facts, promotion=promotion))
        for facts in _reached()
        for promotion in (None, *Promotion)
    )
    followed = {decision.rule.name for decision in answers if isinstance(decision, Act)}
    assert followed == {rule.name for rule in PROCEDURE.rules}


def test_the_forbidden_rerun_is_never_advised() -> None:
    """Once message 1 was shown, no rule of the page starts another automatic rotation."""
    for facts in _reached():
        if facts.message1:
            for promotion in (None, *Promotion):
                decision = decide(PROCEDURE, replace(facts, promotion=promotion))
                assert not isinstance(decision, Act) or "auto-mk-rotate" not in decision.rule.run
