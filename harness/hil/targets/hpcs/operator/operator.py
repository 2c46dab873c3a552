"""The operator: follows a procedure by the transcript and the screens alone.

It never sees a register, a row or a fault directly. That is the point: the page's rule is a rule about what
a person has seen, so the bench must not be better informed than that person.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from hil.model.procedure import CONTROLS
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.boundaries.terminal import Answers, EndedCommand
from hil.targets.hpcs.model import evidence
from hil.targets.hpcs.model.evidence import ErrorClass, Evidence
from hil.targets.hpcs.model.orders import CommandOrder, login_first, orders, typed
from hil.targets.hpcs.model.rules import Act, LookFirst, NoAnswer, Procedure, Rule, decide
from hil.targets.hpcs.model.sight import Sight

ROUNDS_MAX = 6
# How the operator begins to say why there was no answer.
AMBIGUOUS, SILENT = "ambiguous: ", "no rule for: "


class Console(Protocol):
    """What an operator works with; a Rig is one."""

    def tke(self, command: str, answers: Answers = ...) -> EndedCommand:
        """Run one command to its end."""

    def lines(self) -> list[str]:
        """Everything that the terminal has shown so far."""

    def between(self) -> bool:
        """Called after a command that failed: what died is started again; True where a fault had struck."""


class _Endless(Exception):
    """The bench had to end a command, and nobody may recover from a kill that was not planned."""


@dataclass(frozen=True)
class Recovery:
    """What the operator did: commands, rules applied, and why they stopped (empty: the rules said done).

    ``refused``: a command of the last rule ended with an error.
    """

    commands: tuple[str, ...]
    rules: tuple[str, ...]
    stuck: str
    refused: bool = False


def _nothing() -> None:
    """Do nothing before an act."""


class Operator:
    """Rotates a master key and recovers from whatever happens, at one console.

    ``acting`` is called when the preparations of a rule are over and the act itself begins.
    """

    def __init__(
        self, console: Console, flow: str, procedure: Procedure, acting: Callable[[], None] = _nothing
    ) -> None:
        self._console = console
        self._flow = flow
        self._procedure = procedure
        self._acting = acting
        self._commands: list[str] = []
        self._rules: list[str] = []
        self._error = ErrorClass.NONE  # of the last command

    def rotate(self) -> EndedCommand:
        """Run the commands of the flow until one of them fails or all are done."""
        for command in sut.FLOWS[self._flow]:
            ended = self._console.tke(command, sut.answers())
            if ended.exit_code != 0:
                break
        return ended

    def recover(self, ended: EndedCommand) -> Recovery:
        """Apply the procedure to what ``ended`` left, again and again, until it says that all is done.

        A control is one wrong step: it is taken once.
        """
        try:
            self._heed(ended)
            return self._recover(ended)
        except _Endless as endless:
            return self._done(str(endless))

    def _recover(self, ended: EndedCommand) -> Recovery:
        seen: set[tuple[Evidence, str]] = set()
        for _ in range(ROUNDS_MAX):
            facts, decision, sight, failed = self._consider(ended)
            if failed:
                if self._console.between():
                    continue  # looking changes nothing, so it is done again
                return self._done(f"{failed.command} ended with exit code {failed.exit_code}")
            if not isinstance(decision, Act):
                return self._done(_why(decision, facts))
            rule = decision.rule
            if (facts, rule.name) in seen:
                return self._done(f"rule '{rule.name}' was followed before and led here again")
            seen.add((facts, rule.name))
            failed = self._follow(rule, ended, sight)
            if rule.asks:
                return self._done(f"stop and ask a human: {rule.name}")
            if failed is None or self._procedure.kind in CONTROLS:
                return self._done("", failed)
            if self._console.between():
                seen.clear()
            ended = failed
        return self._done(f"not done after {ROUNDS_MAX} rounds")

    def _consider(
        self, ended: EndedCommand
    ) -> tuple[Evidence, Act | LookFirst | NoAnswer, Sight, EndedCommand | None]:
        """Decide, after a look at the instance where the rules ask for one; last comes a look that failed."""
        facts, sight, failed = self._facts(ended), Sight(), None
        decision = decide(self._procedure, facts)
        if isinstance(decision, LookFirst):
            sight, failed = self._look()
            facts = replace(facts, **sight.facts())
            decision = decide(self._procedure, facts)
        return facts, decision, sight, failed

    def _look(self) -> tuple[Sight, EndedCommand | None]:
        """Run the commands that show the instance; return what was seen, and the one that failed."""
        sight = Sight()
        look = self._procedure.look
        for entry in (*login_first(look, self._error), *look):
            for order in typed((entry,), sight.units, sight.listed):
                shown = self._type(order)
                if shown.exit_code != 0:
                    return sight, shown
                sight = sight.read(order.command, shown.lines)
        return sight, None

    def _facts(self, ended: EndedCommand) -> Evidence:
        message1, message2 = evidence.messages(self._console.lines())
        error = evidence.error_class(ended.lines, ended.exit_code)
        return Evidence(self._flow, ended.command, error, message1, message2)

    def _follow(self, rule: Rule, ended: EndedCommand, sight: Sight) -> EndedCommand | None:
        """Run the commands of a rule; return the one that failed, None where none did."""
        self._rules.append(rule.name)
        prepare = (*login_first((*rule.prepare, *rule.run), self._error), *rule.prepare)
        for order in typed(prepare, sight.units, sight.listed):
            result = self._type(order)
            if result.exit_code != 0:
                return result
        self._acting()
        for order in orders(rule, ended.command, sut.FLOWS[self._flow], sight.units, sight.listed):
            result = self._type(order)
            if result.exit_code != 0:
                return result
        return None

    def _type(self, order: CommandOrder) -> EndedCommand:
        self._commands.append(str(order))
        return self._heed(self._console.tke(order.command, sut.answers(order.units)))

    def _heed(self, ended: EndedCommand) -> EndedCommand:
        """Note how a command has ended; raises _Endless where it did not by itself."""
        if ended.timed_out:
            raise _Endless(f"{ended.command} did not come to an end by itself")
        self._error = evidence.error_class(ended.lines, ended.exit_code)
        return ended

    def _done(self, stuck: str, failed: EndedCommand | None = None) -> Recovery:
        refused = failed is not None and failed.exit_code > 0
        return Recovery(tuple(self._commands), tuple(self._rules), stuck, refused)


def _why(decision: LookFirst | NoAnswer, facts: Evidence) -> str:
    if isinstance(decision, NoAnswer) and decision.matching:
        return AMBIGUOUS + ", ".join(f"'{name}'" for name in decision.matching)
    registers = f", promoted: {facts.promotion}" if facts.promotion else ""
    return (
        f"{SILENT}message 1 {_seen(facts.message1)}, message 2 {_seen(facts.message2)}, "
        f"{facts.command} ended {_ended(facts.error)}{registers}"
    )


def _seen(shown: bool) -> str:  # noqa: FBT001 - a fact turned into a word
    return "shown" if shown else "not shown"


def _ended(error: ErrorClass) -> str:
    return "without an error text" if error is ErrorClass.NONE else f"with an error ({error})"
