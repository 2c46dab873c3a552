"""The form of a procedure file, one line a key; docs/procedures.md explains it.

Values come from the enums that the bench decides by, so that a file cannot ask for what nobody can see. As a
script this writes schema.json beside it, for editors.
"""

import json
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from harness.model.evidence import ErrorClass
from harness.model.orders import SELECTORS
from harness.model.outcome import Outcome
from harness.model.registers import EMPTY, FULL_COMMITTED, FULL_UNCOMMITTED, VALID, Promotion
from harness.model.rules import AGAIN, ASK, ProcedureKind
from harness.model.scenario import Flow
from harness.model.sight import MIXED, Agreement, Rows
from harness.model.standing import Extent
from harness.model.twin.commands import COMMANDS
from harness.model.verdicts import VOID, Verdict
from harness.procedures import places
from harness.procedures.forms import Condition, Key, ListOf, OneOf, Problem, Schema, Table, Text, meant

FILE = Path(__file__).with_name("schema.json")
# Commands that ask for crypto units; the others take none.
ASKING = frozenset({"cryptounit-add", "cryptounit-rm", "auto-mk-recover", "auto-recover"})


def _of(values: type[StrEnum], *, but: frozenset[Verdict] = frozenset()) -> OneOf:
    return OneOf([str(value) for value in values if value not in but])


def _any(values: type[StrEnum]) -> Condition:
    return Condition(_of(values))


_WORDS = Text(r"\S", "a text")
_NAME = Text(r"^[a-z][a-z0-9-]{0,59}$", "a name of small letters, digits and hyphens")
_ORDER = Text(
    rf"^({AGAIN}|{ASK}|[a-z][a-z-]*( @[a-z-]+|( [1-9][0-9]*)+)?)$",
    f"a command: one of tke, with units where it asks for them ('cryptounit-rm @promoted'), {AGAIN} or {ASK}",
)
_COMMAND = Condition(OneOf(tuple(COMMANDS)))
_SHOWN = Condition(OneOf([True, False]))
_STATE = Condition(OneOf([EMPTY, FULL_UNCOMMITTED, FULL_COMMITTED, VALID, MIXED]))
_MESSAGES = Condition(OneOf(["none", "1", "2", "12"]))
_EXTENT = _any(Extent)

EVIDENCE = Table(
    {
        "flow": Key(_any(Flow), "rotation by recovery crypto units, or by key parts", needed=False),
        "command": Key(_COMMAND, "the command that did not end well", needed=False),
        "error": Key(_any(ErrorClass), "how it ended, by its output; none: it just stopped", needed=False),
        "message1": Key(_SHOWN, "whether message 1 stands in the transcript", needed=False),
        "message2": Key(_SHOWN, "whether message 2 stands in the transcript", needed=False),
        "promotion": Key(_any(Promotion), "after a look: units that have NEW in CURRENT", needed=False),
        "current": Key(_any(Agreement), "after a look: whether the CURRENT registers agree", needed=False),
        "new": Key(_STATE, "after a look: the state that all NEW registers share", needed=False),
        "rows": Key(_any(Rows), "after a look with rotation-status: whose rows they are", needed=False),
    }
)
STANDING = Table(
    {
        "flow": Key(_any(Flow), "rotation by recovery crypto units, or by key parts", needed=False),
        "command": Key(_COMMAND, "the command that did not end well", needed=False),
        "loaded": Key(_EXTENT, "crypto units that have the new key at least in NEW", needed=False),
        "committed": Key(_EXTENT, "crypto units in which it is committed at least", needed=False),
        "rows": Key(_EXTENT, "rows that are rewrapped", needed=False),
        "promoted": Key(_EXTENT, "crypto units that have it in CURRENT", needed=False),
        "printed": Key(_MESSAGES, "messages that were printed", needed=False),
        "shown": Key(_MESSAGES, "messages that the operator can still see", needed=False),
        "ended": Key(_any(ErrorClass), "the error that the command ended with", needed=False),
    }
)
RULE = Table(
    {
        "name": Key(_WORDS, "what reports call the rule"),
        "source": Key(_WORDS, "where it is from: a page and branch, or an assumption"),
        "when": Key(EVIDENCE, "what has to be seen; all of it, and of a list one"),
        "run": Key(ListOf(_ORDER), "commands to type; the first that fails ends the rule"),
        "prepare": Key(ListOf(_ORDER), "typed before, and no part of a control's one step", needed=False),
    }
)
EXPECT = Table(
    {
        "why": Key(_WORDS, "why, in half a sentence"),
        "when": Key(STANDING, "how far the rotation truly was; all of it, and of a list one"),
        "outcome": Key(_of(Outcome), "what is predicted"),
    }
)
PROCEDURE = Table(
    {
        "name": Key(_NAME, "the name; ids of scenarios end with it"),
        "kind": Key(_of(ProcedureKind), "why it is followed"),
        "title": Key(_WORDS, "what it is, in a few words"),
        "expected": Key(_of(Verdict, but=VOID), "the verdict that its author predicts"),
        "look": Key(ListOf(_ORDER, least=1), "commands that show the instance", needed=False),
        "rule": Key(ListOf(RULE, least=1), "rows of the table; exactly one has to match"),
        "expect": Key(ListOf(EXPECT), "predictions in detail; the first that fits counts", needed=False),
    }
)


def problems(value: dict[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with a procedure file: its form first, and then commands and names in it."""
    found = list(PROCEDURE.problems(value, ()))
    yield from found
    if found:
        return
    names: dict[str, int] = {}
    for number, rule in enumerate(value["rule"]):
        if names.setdefault(rule["name"], number) != number:
            yield Problem(("rule", number, "name"), f"there is a rule '{rule['name']}' before, name it apart")
        for key in ("run", "prepare"):
            yield from _orders(rule.get(key, ()), ("rule", number, key))
    yield from _orders(value.get("look", ()), ("look",))


def _orders(entries: Sequence[str], path: places.Path) -> Iterator[Problem]:
    for number, entry in enumerate(entries):
        command, _, units = entry.partition(" ")
        if entry not in (AGAIN, ASK):
            yield from _order((*path, number), command, units)


def _order(path: places.Path, command: str, units: str) -> Iterator[Problem]:
    if command not in COMMANDS:
        yield Problem(path, f"unknown command '{command}'{meant(command, tuple(COMMANDS))}")
    elif units and command not in ASKING:
        yield Problem(path, f"{command} asks for no crypto units, leave out '{units}'")
    elif not units and command in ASKING:
        yield Problem(path, f"{command} asks for crypto units, add numbers or {', '.join(SELECTORS)}")
    elif units.startswith("@") and units not in SELECTORS:
        yield Problem(path, f"unknown crypto units '{units}'{meant(units, tuple(SELECTORS))}")


def json_schema() -> Schema:
    """Return the form as JSON Schema."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Recovery procedure of hsm-hil",
    }
    return head | PROCEDURE.schema()


if __name__ == "__main__":
    FILE.write_text(json.dumps(json_schema(), indent=1) + "\n")
