"""Recovery procedures as data, and the one function that applies them.

A procedure is a set of rules ``conditions on evidence -> commands``. Exactly one rule has to match: none
means that the procedure is silent there, several that it is ambiguous, and both are results, not errors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from harness.model.evidence import Evidence
from harness.model.verdicts import Verdict


class ProcedureKind(StrEnum):
    """Why a procedure is run."""

    DOCUMENTED = "documented"  # what the page says to do
    FORBIDDEN = "forbidden"  # what the page says never to do
    MISREAD = "misread"  # what the page can be taken to say
    STATE_BASED = "state-based"  # what the registers and rows alone would tell


CONDITIONS = ("flow", "command", "error", "message1", "message2", "promotion")
LOOK = "cryptounit-mks"
AGAIN = "@again"  # the command that ended in the error, once more


@dataclass(frozen=True)
class Rule:
    """One row of a decision table: each condition must have one of its values.

    ``source`` says where the row is from: a branch of the page, or an assumption where the page is silent.
    """

    name: str
    source: str
    when: Mapping[str, tuple[str | bool, ...]]
    run: tuple[str, ...]

    def matches(self, evidence: Evidence, *, without_registers: bool = False) -> bool:
        """Whether all conditions hold, the register condition left aside on request."""
        return all(
            getattr(evidence, key) in values
            for key, values in self.when.items()
            if not (without_registers and key == "promotion")
        )


@dataclass(frozen=True)
class Procedure:
    """A named set of rules; ``expected`` is the verdict that its author predicts."""

    name: str
    kind: ProcedureKind
    title: str
    expected: Verdict
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Act:
    """Exactly one rule matches."""

    rule: Rule


@dataclass(frozen=True)
class Look:
    """The rules that are left ask for the registers: run LOOK, then decide again."""


@dataclass(frozen=True)
class NoAnswer:
    """No rule matches, or several do (then their names stand here)."""

    matching: tuple[str, ...] = ()


def decide(procedure: Procedure, evidence: Evidence) -> Act | Look | NoAnswer:
    """Apply a procedure to evidence."""
    if evidence.promotion is None:
        candidates = [rule for rule in procedure.rules if rule.matches(evidence, without_registers=True)]
        if any("promotion" in rule.when for rule in candidates):
            return Look()
    matching = [rule for rule in procedure.rules if rule.matches(evidence)]
    if len(matching) == 1:
        return Act(matching[0])
    return NoAnswer(tuple(rule.name for rule in matching))
