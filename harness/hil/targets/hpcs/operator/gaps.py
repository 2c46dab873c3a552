"""What the rules of a procedure leave open, claim twice or can never decide, found without playing.

The evidence that a rotation leaves when it breaks off is a short list: how far it had come, which messages it
had shown by then, how its command ended. Rules are asked about each entry. Not here: evidence after a second
fault, after a wrong step, or with a message lost. A campaign plays those too.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Any

from hil.targets.hpcs.emulator import FLOWS
from hil.targets.hpcs.model.evidence import ErrorClass, Evidence
from hil.targets.hpcs.model.registers import EMPTY, FULL_COMMITTED, FULL_UNCOMMITTED, VALID, Promotion
from hil.targets.hpcs.model.rules import CONDITIONS, SIGHTS, Procedure, Rule
from hil.targets.hpcs.model.sight import MIXED, Agreement, Rows

NO_MESSAGE, FIRST, SECOND, BOTH = (False, False), (True, False), (False, True), (True, True)
AUTO, (LOAD, COMMIT, ROTATE) = FLOWS["auto"][0], FLOWS["parts"]


@dataclass(frozen=True)
class RotationStage:
    """How far a rotation had come: what a look shows, and what each flow had typed and shown by then."""

    promotion: Promotion
    current: Agreement
    new: str
    rows: Rows
    auto: Sequence[tuple[bool, bool]]
    parts: Sequence[tuple[str, tuple[bool, bool]]]


# fmt: off
STAGES: tuple[RotationStage, ...] = (
    # nothing is loaded; NEW is loaded in some units, in all; it is committed in some
    RotationStage(Promotion.ALL, Agreement.ONE, EMPTY, Rows.CURRENT, [NO_MESSAGE], [(LOAD, NO_MESSAGE)]),
    RotationStage(Promotion.UNCLEAR, Agreement.ONE, MIXED, Rows.CURRENT, [NO_MESSAGE],
          [(LOAD, NO_MESSAGE), (COMMIT, NO_MESSAGE)]),
    RotationStage(Promotion.UNCLEAR, Agreement.ONE, FULL_UNCOMMITTED, Rows.CURRENT, [NO_MESSAGE],
          [(LOAD, NO_MESSAGE), (COMMIT, NO_MESSAGE)]),
    # it is committed in all; some rows are rewrapped, all are
    RotationStage(Promotion.NONE, Agreement.ONE, FULL_COMMITTED, Rows.CURRENT, [NO_MESSAGE, FIRST],
          [(COMMIT, NO_MESSAGE), (ROTATE, NO_MESSAGE)]),
    RotationStage(Promotion.NONE, Agreement.ONE, FULL_COMMITTED, Rows.BOTH, [FIRST], [(ROTATE, NO_MESSAGE)]),
    RotationStage(Promotion.NONE, Agreement.ONE, FULL_COMMITTED, Rows.NEW, [FIRST, BOTH],
          [(ROTATE, NO_MESSAGE), (ROTATE, SECOND)]),
    # set immediate is done in some units, in all
    RotationStage(Promotion.SOME, Agreement.SEVERAL, MIXED, Rows.NEW, [BOTH], [(ROTATE, SECOND)]),
    RotationStage(Promotion.ALL, Agreement.ONE, EMPTY, Rows.CURRENT, [BOTH], [(ROTATE, SECOND)]),
)
# fmt: on
# How a command of a rotation ends that is broken off: killed, with an expired token, with another error.
ENDS = (ErrorClass.NONE, ErrorClass.TOKEN, ErrorClass.OTHER)
ANY_OTHER = "any other command"
VALUES: Mapping[str, Sequence[str | bool]] = {
    "flow": tuple(FLOWS),
    "error": tuple(ErrorClass),
    "message1": (True, False),
    "message2": (True, False),
    "promotion": tuple(Promotion),
    "current": tuple(Agreement),
    "new": (EMPTY, FULL_UNCOMMITTED, FULL_COMMITTED, VALID, MIXED),
    "rows": tuple(Rows),
}
TOLD = ("message1", "message2", *SIGHTS)
# What conditions and units go by, and the command that shows it.
NEEDS: Mapping[str, str] = {
    "promotion": "cryptounit-mks",
    "current": "cryptounit-mks",
    "new": "cryptounit-mks",
    "rows": "rotation-status",
    "@promoted": "cryptounit-mks",
    "@pending": "cryptounit-mks",
    "@pending-but-one": "cryptounit-mks",
    "@last-pending": "cryptounit-mks",
    "@all": "cryptounits",
    "@backup": "cryptounits",
}

# Commands that take a master key out of registers, for good where it was the last one.
CLEARING = frozenset({"auto-mk-rotate", "cryptounit-mk-clrnew", "cryptounit-mk-clrcur", "cryptounit-zeroize"})


def broken_off() -> tuple[Evidence, ...]:
    """Return all that an operator can find, with the whole transcript, when a rotation has broken off."""
    return tuple(
        Evidence(flow, command, error, *messages, stage.promotion, stage.current, stage.new, stage.rows)
        for stage in STAGES
        for flow, command, messages in (
            *(("auto", AUTO, messages) for messages in stage.auto),
            *(("parts", command, messages) for command, messages in stage.parts),
        )
        for error in ENDS
    )


def silent(procedure: Procedure) -> tuple[str, ...]:
    """Return, in words, evidence of a broken-off rotation for which there is no rule."""
    rules = procedure.rules
    left = [facts for facts in _shown(procedure) if not any(rule.matches(facts) for rule in rules)]
    return _words(left, _asked(rules))


def claimed_twice(procedure: Procedure) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield names of two rules that match the same evidence of a broken-off rotation, and that in words."""
    for first, second in combinations(procedure.rules, 2):
        both = [facts for facts in _shown(procedure) if first.matches(facts) and second.matches(facts)]
        if both:
            yield first.name, second.name, _words(both, _asked((first, second)))


def overshadowed(procedure: Procedure) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield names of rules that are never the only one to match, and of those that match besides."""
    for rule in procedure.rules:
        others = [other for other in procedure.rules if other is not rule]
        besides = [[other.name for other in others if other.matches(facts)] for facts in _any(rule, others)]
        if all(besides):
            yield rule.name, tuple(dict.fromkeys(name for matching in besides for name in matching))


def unseen(procedure: Procedure) -> Iterator[tuple[str, str, str]]:
    """Yield names of rules, what they go by although no look shows it, and the command that would."""
    shown = {entry.partition(" ")[0] for entry in procedure.look}
    shown |= {"cryptounit-mks"} if "cryptounit-mk" in shown else set()
    for rule in procedure.rules:
        units = {entry.partition(" ")[2] for entry in (*rule.run, *rule.prepare)}
        for what, command in NEEDS.items():
            if (what in rule.when or what in units) and command not in shown:
                yield rule.name, what, command


def unlooked(procedure: Procedure) -> Iterator[str]:
    """Yield names of rules that name units by what a look shows, and ask for nothing that needs a look."""
    for rule in procedure.rules:
        units = {entry.partition(" ")[2] for entry in (*rule.run, *rule.prepare)}
        if units & NEEDS.keys() and not rule.when.keys() & set(SIGHTS):
            yield rule.name


def heedless(procedure: Procedure) -> Iterator[tuple[str, str]]:
    """Yield names of rules that clear registers whatever command has ended, and the command they type."""
    for rule in procedure.rules:
        clears = next((entry for entry in rule.run if entry in CLEARING), "")
        if clears and not rule.when.keys() & {"command", *SIGHTS}:
            yield rule.name, clears


def _shown(procedure: Procedure) -> Sequence[Evidence]:
    """Return evidence as this procedure's look shows it: rows only where it asks for them."""
    rows = "rotation-status" in procedure.look
    return [facts if rows else replace(facts, rows=None) for facts in broken_off()]


def _any(rule: Rule, others: Iterable[Rule]) -> Iterator[Evidence]:
    """Yield all evidence that a rule matches, told apart by what it and the others ask for."""
    asked = _asked((rule, *others))
    commands = {str(one) for other in (rule, *others) for one in other.when.get("command", ())}
    values = {"command": (*commands, ANY_OTHER), **VALUES}
    ranges = {key: rule.when.get(key, values[key]) if key in asked else values[key][:1] for key in CONDITIONS}
    for chosen in product(*ranges.values()):
        facts: dict[str, Any] = dict(zip(ranges, chosen, strict=True))
        yield Evidence(**facts)


def _asked(rules: Iterable[Rule]) -> set[str]:
    return {key for rule in rules for key in rule.when}


def _words(found: Iterable[Evidence], asked: Collection[str]) -> tuple[str, ...]:
    """Return evidence in words, as far as rules ask for it, with the ways to end in one."""
    ends: dict[str, list[str]] = {}
    for facts in found:
        shown = ", ".join(f"{key} {_said(getattr(facts, key))}" for key in TOLD if key in asked)
        how = ends.setdefault(f"{facts.flow}, {facts.command}{shown and ', '}{shown}", [])
        if facts.error not in how:
            how.append(facts.error)
    return tuple(
        words if len(how) == len(ENDS) else f"{words}, error {' or '.join(how)}"
        for words, how in ends.items()
    )


def _said(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
