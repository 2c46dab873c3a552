"""Which recovery now, from scroll-back and from what the screens of ``tke`` show.

Two procedures are applied, both as campaigns play them: the documented one to the messages, the state-based
one to registers and rows. The documented one speaks first. The other is asked where the messages decide
nothing, where they contradict the registers, and where the page orders to make NEW anew although every
register holds a committed key: message 1 may have been lost. No command is advised that rests on a message
which could have been overlooked; then the advice is to look.

Rejected: to advise ``auto-mk-rotate`` once more where message 1 was seen, whatever the registers say. One of
the two is wrong, and the rerun destroys the only copy of the new key if it is the registers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.model.evidence import Evidence
from hil.targets.hpcs.model.history import Doubt, Hazard, History
from hil.targets.hpcs.model.orders import LOGIN, CommandOrder, login_first, orders
from hil.targets.hpcs.model.registers import EMPTY, FULL_COMMITTED, Promotion
from hil.targets.hpcs.model.rules import Act, LookFirst, Procedure, Rule, decide
from hil.targets.hpcs.model.sight import Rows, Sight
from hil.targets.hpcs.model.traces import Quote

# Doubts under which no message decides, and those that only make the absence of one worth nothing: what was
# seen, was seen, and branch 2 of the page is right whether or not the second message was shown as well.
_BLIND = frozenset({Doubt.NO_END, Doubt.NOT_SHOWN, Doubt.UNNAMED, Doubt.NO_ROTATION, Doubt.INSTANCES})
_SILENCE = frozenset(Doubt) - _BLIND
# What is lost for good where the command was the wrong one.
_DESTROYS_NEW = frozenset({"auto-mk-rotate", "cryptounit-mk-clrnew"})
_DESTROYS = _DESTROYS_NEW | {"cryptounit-mk-setimm"}


class Answer(StrEnum):
    """What is advised."""

    RUN = "run"
    DONE = "done"  # the rotation has ended well
    LOOK = "look"  # the evidence does not decide; the commands look only
    STOP = "stop"  # no command is safe; ask somebody who knows


class Reason(StrEnum):
    """Why."""

    RULE = "rule"
    FINISHED = "finished"
    GOES_ON = "goes-on"
    REGISTERS = "registers"
    ROWS = "rows"
    FLOW = "flow"
    AT_REST = "at-rest"
    DOUBT = "doubt"
    SILENT = "silent"
    HAZARD = "hazard"
    CONTRADICTION = "contradiction"
    REFUSED = "refused"
    CONDITION = "condition"
    INSTANCE = "instance"
    NO_RULE = "no-rule"


class RotationPhase(StrEnum):
    """How far the rotation may have come; it decides what must not be run."""

    LOADING = "loading"
    REWRAPPING = "rewrapping"
    PROMOTING = "promoting"
    DONE = "done"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Advice:
    """What to run and why; the units of an order are typed when its command asks for them."""

    answer: Answer
    reason: Reason
    phase: RotationPhase
    orders: tuple[CommandOrder, ...]
    history: History
    sight: Sight
    rule: Rule | None = None
    contradiction: bool = False

    @property
    def evidence(self) -> Evidence:
        """The facts that the rules were asked with."""
        return _seen(self.history, self.sight)

    @property
    def quotes(self) -> Sequence[Quote]:
        """The lines of the transcript that decided."""
        return tuple(self.history.quotes())

    @property
    def hazard(self) -> Hazard | None:
        """What was run that leaves no rule."""
        return self.history.hazard

    @property
    def doubts(self) -> Sequence[Doubt]:
        """Why the messages do not decide."""
        return sorted(self.history.doubts)


def advise(history: History, sight: Sight, documented: Procedure, state_based: Procedure) -> Advice:
    """Return what to do; ``sight``: the screens, newer than everything in the history."""
    return _Adviser(history, sight, documented, state_based).advice()


@dataclass(frozen=True)
class _Plan:
    """What a procedure comes to: a rule and its commands, or neither."""

    rule: Rule | None = None
    orders: tuple[CommandOrder, ...] = ()
    unknown: Reason | None = None  # what would have to be known
    reason: Reason = Reason.RULE

    @property
    def destroys_new(self) -> bool:
        return any(order.command in _DESTROYS_NEW for order in self.orders)

    @property
    def stops(self) -> bool:
        """No rule, or one that says to ask a human."""
        return self.rule is None or self.rule.asks

    @property
    def harmless(self) -> bool:
        """It ends the rotation or is refused, and destroys nothing."""
        return bool(self.orders) and not self.stops and not {one.command for one in self.orders} & _DESTROYS


@dataclass(frozen=True)
class _Adviser:
    history: History
    sight: Sight
    documented: Procedure
    state_based: Procedure

    def advice(self) -> Advice:
        if self.history.hazard:
            return self._say(Answer.STOP, Reason.HAZARD)
        if self.history.done:
            return self._done()
        if self.sight.units:
            return self._with_registers()
        told = self._without_registers()
        several = bool(self.sight.instances)  # whose registers are shown, and none is known to be this one
        harmless = told.answer is Answer.RUN and not {one.command for one in told.orders} & _DESTROYS
        return told if harmless or not several else self._look(Reason.INSTANCE)

    def _without_registers(self) -> Advice:
        if self._blind():
            return self._look(Reason.DOUBT)
        page = self._by_messages()
        if page:
            return self._run(page)
        if self.history.conditions:
            return self._look(Reason.CONDITION)
        looks = isinstance(decide(self.documented, self.evidence), LookFirst)
        return self._look(Reason.REGISTERS if looks else Reason.SILENT)

    def _blind(self) -> bool:
        """Whether messages may be missing that would change the answer."""
        doubts = self.history.doubts
        # Message 2 orders set immediate: not where another rotation may have begun since.
        another = Doubt.UNREAD in doubts and self.history.message2 is not None
        return bool(doubts & _BLIND) or another or bool(doubts & _SILENCE and not self.history.begun)

    def _done(self) -> Advice:
        """The last command ended well; a flow of several commands goes on."""
        flow = sut.FLOWS.get(self.history.flow, ())
        command = self.history.evidence.command
        if command == "cryptounit-mk-clrnew":
            left: Sequence[str] = flow
        else:
            left = flow[flow.index(command) + 1 :] if command in flow else ()
        if self.history.flow == "parts" and left:
            return self._say(Answer.RUN, Reason.GOES_ON, tuple(CommandOrder(name) for name in left))
        return self._say(Answer.DONE, Reason.FINISHED)

    def _with_registers(self) -> Advice:
        page, state = self._by_messages(), self._by_state()
        contradiction = not self._consistent()
        if page and not contradiction and not (page.destroys_new and self._promotion is Promotion.NONE):
            return self._run(page)
        if self._promotion is Promotion.ALL and self.evidence.rows is Rows.CURRENT:
            return self._say(Answer.DONE, Reason.AT_REST)
        if state.unknown:
            return replace(self._look(state.unknown), contradiction=contradiction)
        if state.stops or (contradiction and state.destroys_new):
            reason = Reason.CONTRADICTION if contradiction else Reason.NO_RULE
            return self._say(Answer.STOP, reason, contradiction=contradiction)
        return replace(self._run(state), contradiction=contradiction)

    @property
    def evidence(self) -> Evidence:
        """All facts, those of the screens included."""
        return _seen(self.history, self.sight)

    @property
    def _promotion(self) -> Promotion | None:
        return self.evidence.promotion

    def _by_messages(self) -> _Plan | None:
        """Apply the page. It has no rule for who rewrapped without message 1; then NEW is not made anew."""
        decision = decide(self.documented, self.evidence)
        if self._blind() or self.history.conditions:
            return None
        if self.history.correctable:
            plan = _Plan(orders=(CommandOrder(self.evidence.command),), reason=Reason.REFUSED)
        elif isinstance(decision, Act):
            plan = self._plan(decision.rule)
        else:
            return None
        return None if plan.destroys_new and self.history.begun else plan

    def _by_state(self) -> _Plan:
        """Apply the state-based rule, for everything that may be where something is not known."""
        facts = self.evidence
        every = [facts.rows] if facts.rows else list(Rows)
        flows = [facts.flow] if facts.flow else list(sut.FLOWS)
        plans = [self._planned(replace(facts, rows=rows, flow=flow)) for flow in flows for rows in every]
        if len({(plan.orders, plan.stops) for plan in plans}) == 1:
            return plans[0]
        unknown = _Plan(unknown=Reason.FLOW if facts.rows else Reason.ROWS)
        return next((plan for plan in plans if plan.harmless), unknown)

    def _planned(self, facts: Evidence) -> _Plan:
        decision = decide(self.state_based, facts)
        return self._plan(decision.rule) if isinstance(decision, Act) else _Plan()

    def _plan(self, rule: Rule) -> _Plan:
        flow = sut.FLOWS.get(self.history.flow, ())
        command = self.history.evidence.command
        return _Plan(rule, orders(rule, command, flow, self.sight.units, self.sight.listed))

    def _consistent(self) -> bool:
        """Whether the registers are as the messages say."""
        rows = self.evidence.rows
        if self.history.message2:
            where = Rows.CURRENT if self._promotion is Promotion.ALL else Rows.NEW
            return self._promotion is not Promotion.UNCLEAR and rows in (None, where)
        if self.history.begun:
            return self._promotion is Promotion.NONE
        silent = self._promotion is not Promotion.SOME and rows in (None, Rows.CURRENT)
        return self._as_committed() and (silent or self._blind())

    def _as_committed(self) -> bool:
        """Whether they are all there, and no older than what ``auto-mk-rotate`` says of them."""
        last, count = self.history.commits
        states = [unit.new.state for unit in self.sight.units]
        loaded = len(states) == count and EMPTY not in states and states.count(FULL_COMMITTED) >= last - 1
        return loaded or not count or self._promotion in (Promotion.SOME, Promotion.ALL)

    def _run(self, plan: _Plan) -> Advice:
        answer = Answer.RUN if plan.orders else Answer.DONE
        return replace(self._say(answer, plan.reason, self._with_login(plan.orders)), rule=plan.rule)

    def _look(self, reason: Reason) -> Advice:
        names = self.documented.look if reason is Reason.REGISTERS else self.state_based.look
        screens = (CommandOrder(*name.split()) for name in names if name != LOGIN)
        return self._say(Answer.LOOK, reason, self._with_login(tuple(screens)))

    def _with_login(self, typed: tuple[CommandOrder, ...]) -> tuple[CommandOrder, ...]:
        names = login_first([order.command for order in typed], self.history.error)
        return (*map(CommandOrder, names), *typed)

    def _say(
        self,
        answer: Answer,
        reason: Reason,
        typed: tuple[CommandOrder, ...] = (),
        *,
        contradiction: bool = False,
    ) -> Advice:
        phase = _phase(answer, reason, self.history, typed)
        return Advice(answer, reason, phase, typed, self.history, self.sight, contradiction=contradiction)


def _seen(history: History, sight: Sight) -> Evidence:
    """The facts of the transcript, and those of the screens where there are any."""
    return replace(history.evidence, **sight.facts()) if sight.units else history.evidence


def _phase(answer: Answer, reason: Reason, history: History, typed: Sequence[CommandOrder]) -> RotationPhase:
    if answer is Answer.DONE:
        return RotationPhase.DONE
    if answer is Answer.STOP or reason is Reason.DOUBT:
        return RotationPhase.UNKNOWN
    if history.message2 or any(order.command == "cryptounit-mk-setimm" for order in typed):
        return RotationPhase.PROMOTING
    destroys = any(order.command in _DESTROYS_NEW for order in typed)
    if answer is Answer.LOOK:
        return RotationPhase.UNKNOWN
    return RotationPhase.LOADING if destroys or reason is Reason.GOES_ON else RotationPhase.REWRAPPING
