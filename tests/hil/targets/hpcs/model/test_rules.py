"""Exactly one rule, none, several, or first a look at the registers."""

from dataclasses import replace

from hil.model.procedure import ProcedureKind
from hil.model.verdicts import Verdict
from hil.targets.hpcs.model.evidence import ErrorClass, Evidence
from hil.targets.hpcs.model.registers import Promotion
from hil.targets.hpcs.model.rules import Act, LookFirst, NoAnswer, Procedure, Rule, decide

SEEN = Evidence("auto", "auto-mk-rotate", ErrorClass.OTHER, message1=True, message2=False)


def _rule(name: str, **when: tuple[str | bool, ...]) -> Rule:
    return Rule(name, "the test", when, ())


def _procedure(*rules: Rule) -> Procedure:
    return Procedure("of the test", ProcedureKind.DOCUMENTED, "", Verdict.RECOVERED, rules)


def test_the_one_rule_that_matches() -> None:
    """One rule that matches is what the operator follows, wherever it stands."""
    one, other = _rule("one", message1=(True,)), _rule("other", message1=(False,))
    assert decide(_procedure(one, other), SEEN) == decide(_procedure(other, one), SEEN) == Act(one)


def test_all_conditions_of_a_rule_have_to_hold() -> None:
    """A rule with one condition that does not hold is not followed."""
    rule = _rule("r", message1=(True,), error=("none", "token"))
    assert decide(_procedure(rule), SEEN) == NoAnswer()
    assert decide(_procedure(rule), replace(SEEN, error=ErrorClass.TOKEN)) == Act(rule)


def test_silence_and_ambiguity_are_results() -> None:
    """No rule gives no answer; several give no answer either, with their names."""
    assert decide(_procedure(), SEEN) == NoAnswer()
    several = _procedure(_rule("a"), _rule("b", message1=(True,)), _rule("c", message1=(False,)))
    assert decide(several, SEEN) == NoAnswer(("a", "b"))


def test_look_before_a_rule_that_asks_for_registers() -> None:
    """Where a rule that may match asks for the registers, the operator looks first, and then never again."""
    some, none = _rule("some", promotion=("some",)), _rule("none", promotion=("none",))
    assert decide(_procedure(some, none), SEEN) == LookFirst()
    assert decide(_procedure(some, none), replace(SEEN, promotion=Promotion.SOME)) == Act(some)
    assert decide(_procedure(some, none), replace(SEEN, promotion=Promotion.UNCLEAR)) == NoAnswer()


def test_no_look_for_a_rule_that_is_out_already() -> None:
    """A rule about registers that fails on what was seen anyway costs no look."""
    plain, other = _rule("plain"), _rule("other", message1=(False,), promotion=("all",))
    assert decide(_procedure(plain, other), SEEN) == Act(plain)
