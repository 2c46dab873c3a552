"""Advice as lines for a terminal, and as a record for machines."""

from collections.abc import Iterator
from typing import Any

from hil.targets.hpcs.model.orders import CommandOrder
from hil.targets.hpcs.model.registers import UnitRegisters
from hil.targets.hpcs.model.rules import Rule
from hil.targets.hpcs.tools.advise import warnings, words
from hil.targets.hpcs.tools.advise.advice import Advice, Answer, Reason
from hil.targets.hpcs.tools.advise.words import AdviceHeading, Lang

MESSAGES = (
    "Delaying 30 seconds to allow server to discover new master key values",
    "KMS CRK rewrap successful, waiting on cryptounit-mk-setimm",
)
_SHOWN_AS = {"cryptounit-mks": "cryptounit-mk"}  # the name that the command reference has
ALL = "@all"
_NEW_MADE = frozenset({"auto-mk-rotate", "cryptounit-mk-clrnew"})


def lines(advice: Advice, lang: Lang, program: str) -> Iterator[str]:
    """Yield what a person reads; ``program``: how ``tke`` was called in the transcript."""
    yield words.ANSWERS[advice.answer].to(lang)
    for order in advice.orders:
        yield f"  {_typed(order, program)}{_remark(order, lang)}"
    yield from _part(AdviceHeading.WHY, _why(advice, lang), lang)
    yield from _part(AdviceHeading.EVIDENCE, _evidence(advice, lang), lang)
    never = (f"{program} {name}: {text.to(lang)}" for name, text in warnings.NEVER[advice.phase])
    yield from _part(AdviceHeading.NEVER, never, lang)
    yield from _part(AdviceHeading.VERIFY, _afterwards(advice, lang, program), lang)


def record(advice: Advice, lang: Lang, program: str) -> dict[str, Any]:
    """Return the advice as JSON; the words are in the language, the rest is not."""
    facts = advice.evidence
    return {
        "answer": advice.answer,
        "reason": advice.reason,
        "commands": [
            {
                "command": _typed(order, program),
                "units": [int(one) for one in order.units.split() if one != ALL],
            }
            for order in advice.orders
        ],
        "rule": advice.rule and {"name": advice.rule.name, "source": advice.rule.source},
        "flow": facts.flow,
        "messages": {"1": facts.message1, "2": facts.message2},
        "error": facts.error,
        "promotion": facts.promotion,
        "doubts": advice.doubts,
        "hazard": advice.hazard,
        "contradiction": advice.contradiction,
        "evidence": [{"line": quote.line, "text": quote.text} for quote in advice.quotes],
        "why": list(_why(advice, lang)),
        "never": [
            {"command": f"{program} {name}", "why": text.to(lang)}
            for name, text in warnings.NEVER[advice.phase]
        ],
        "afterwards": list(_afterwards(advice, lang, program)),
    }


def _part(heading: AdviceHeading, texts: Iterator[str], lang: Lang) -> Iterator[str]:
    found = list(texts)
    if found:
        yield ""
        yield f"{words.HEADINGS[heading].to(lang)}:"
        yield from (f"  - {text}" for text in found)


def _typed(order: CommandOrder, program: str) -> str:
    if order.command == "login" and program.endswith("tke") and program != "tke":
        return program.removesuffix("tke") + "login"
    return f"{program} {_SHOWN_AS.get(order.command, order.command)}"


def _remark(order: CommandOrder, lang: Lang) -> str:
    if order.command == "rotation-status":
        return f"    ({words.WHERE_KNOWN.to(lang)})"
    if not order.units:
        return ""
    asked = words.TYPE_ALL if order.units == ALL else words.TYPE_UNITS
    return f"    ({asked.to(lang).format(units=order.units)})"


def _rule(rule: Rule, lang: Lang) -> str:
    known = words.RULES_JA.get(rule.name) if lang is Lang.JA else None
    return f"{words.REASONS[Reason.RULE].to(lang)}: {known or f'{rule.name} ({rule.source})'}"


def _why(advice: Advice, lang: Lang) -> Iterator[str]:
    if advice.rule:
        yield _rule(advice.rule, lang)
    else:
        yield words.REASONS[advice.reason].to(lang)
    if advice.hazard:
        yield words.HAZARDS[advice.hazard].to(lang)
    yield from (words.DOUBTS[doubt].to(lang) for doubt in advice.doubts)
    if advice.contradiction and advice.reason is not Reason.CONTRADICTION:
        yield words.CONTRADICTED.to(lang)
    names = {order.command for order in advice.orders}
    if "login" in names and advice.history.begun:
        yield words.TOKEN_FIRST.to(lang)
    if advice.answer is not Answer.RUN:
        return
    if advice.history.unmet:
        yield words.PRECHECK.to(lang)
    if "cryptounit-rm" in names:
        yield words.DESELECT.to(lang)
    if "cryptounit-mk-setimm" in names:
        yield words.WARNING.to(lang)
    if names & _NEW_MADE:
        yield words.HOLDS.to(lang)


def _evidence(advice: Advice, lang: Lang) -> Iterator[str]:
    yield from (f"{quote.line}: {quote.text}" for quote in advice.quotes)
    for unit in map(UnitRegisters.brief, advice.sight.units):
        yield words.REGISTERS.to(lang).format(
            **unit | {"new": unit["new"] or "-", "current": unit["current"] or "-"}
        )
    if advice.answer is Answer.DONE or not advice.history.last:
        return
    shown = (advice.history.message1, advice.history.message2)
    first = 1 if advice.evidence.flow == "parts" else 0  # that flow has no first message
    for message, quote in list(zip(MESSAGES, shown, strict=True))[first:]:
        if not quote:
            yield words.NOT_SHOWN.to(lang).format(message=message)


def _afterwards(advice: Advice, lang: Lang, program: str) -> Iterator[str]:
    if advice.answer is Answer.LOOK:
        yield words.AGAIN.to(lang)
    if advice.answer not in (Answer.RUN, Answer.DONE):
        return
    deselected = advice.answer is Answer.DONE or any(o.command == "cryptounit-rm" for o in advice.orders)
    if deselected:
        yield warnings.SELECT_ALL.to(lang).format(add=f"{program} cryptounit-add")
    checks = warnings.VERIFY if advice.answer is Answer.RUN else warnings.VERIFY[:-1]
    yield from (check.to(lang).format(look=f"{program} cryptounit-mk") for check in checks)
