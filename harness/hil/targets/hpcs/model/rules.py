"""Recovery procedures as data, and the one function that applies them.

A procedure is a set of rules ``conditions on evidence -> commands``. Exactly one rule has to match: none
means that the procedure is silent there, several that it is ambiguous, and both are results, not errors.

Its author also predicts what comes of it: one verdict, or an outcome for each true standing of the rotation,
because what a wrong command destroys depends on what the operator cannot see.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hil.model.outcome import VERDICT, Outcome
from hil.model.procedure import ProcedureKind
from hil.model.verdicts import Verdict
from hil.targets.hpcs.model.evidence import Evidence
from hil.targets.hpcs.model.standing import Standing

SIGHTS = ("promotion", "current", "new", "rows")  # what an operator knows only after a look
CONDITIONS = ("flow", "command", "error", "message1", "message2", *SIGHTS)
LOOK = "cryptounit-mks"
AGAIN = "@again"  # the command that ended in the error, once more
ASK = "@ask-a-human"  # stop: no command is safe here


@dataclass(frozen=True)
class Rule:
    """One row of a decision table: each condition must have one of its values.

    ``source`` says where the row is from: a branch of the page, or an assumption where the page is silent.
    ``prepare``: what is typed before ``run``, and is no part of the act that a control is about.
    """

    name: str
    source: str
    when: Mapping[str, tuple[str | bool, ...]]
    run: tuple[str, ...]
    prepare: tuple[str, ...] = ()

    def matches(self, evidence: Evidence, *, without_sights: bool = False) -> bool:
        """Whether all conditions hold, those that need a look left aside on request."""
        return all(
            getattr(evidence, key) in values
            for key, values in self.when.items()
            if not (without_sights and key in SIGHTS)
        )

    @property
    def asks(self) -> bool:
        """Whether the rule says to stop and to ask a human."""
        return ASK in self.run


@dataclass(frozen=True)
class Expectation:
    """What comes of a procedure where the true standing has these values; ``why`` in half a sentence."""

    when: Mapping[str, tuple[str, ...]]
    outcome: Outcome
    why: str

    def matches(self, standing: Standing) -> bool:
        """Whether it speaks of this standing."""
        return all(getattr(standing, key) in values for key, values in self.when.items())


@dataclass(frozen=True)
class Procedure:
    """A named set of rules; ``expected`` is the verdict that its author predicts.

    ``expectations`` predict it in detail: where there are any, they also say where the procedure is worth
    playing. ``look``: the commands that show an operator the instance.
    """

    name: str
    kind: ProcedureKind
    title: str
    expected: Verdict
    rules: tuple[Rule, ...]
    look: tuple[str, ...] = (LOOK,)
    expectations: tuple[Expectation, ...] = ()

    def expectation(self, standing: Standing) -> Outcome | None:
        """Return the outcome that is predicted for a standing; None where nothing is."""
        return next((one.outcome for one in self.expectations if one.matches(standing)), None)

    def asks_for(self, fact: str) -> bool:
        """Whether a prediction rests on this fact of a standing."""
        return any(fact in one.when for one in self.expectations)

    def verdict(self, standing: Standing) -> Verdict:
        """Return the verdict that is predicted for a standing."""
        outcome = self.expectation(standing)
        return VERDICT[outcome] if outcome else self.expected


@dataclass(frozen=True)
class Act:
    """Exactly one rule matches."""

    rule: Rule


@dataclass(frozen=True)
class LookFirst:
    """The rules that are left ask for the instance: look at it, then decide again."""


@dataclass(frozen=True)
class NoAnswer:
    """No rule matches, or several do (then their names stand here)."""

    matching: tuple[str, ...] = ()


def decide(procedure: Procedure, evidence: Evidence) -> Act | LookFirst | NoAnswer:
    """Apply a procedure to evidence."""
    if evidence.promotion is None:
        candidates = [rule for rule in procedure.rules if rule.matches(evidence, without_sights=True)]
        if any(sight in rule.when for rule in candidates for sight in SIGHTS):
            return LookFirst()
    matching = [rule for rule in procedure.rules if rule.matches(evidence)]
    if len(matching) == 1:
        return Act(matching[0])
    return NoAnswer(tuple(rule.name for rule in matching))
