"""The form of a procedure file, one line a key; docs/procedures.md explains it.

Values come from the enums that the bench decides by, so that a file cannot ask for what nobody can see. As a
script this writes schema.json beside it, for editors.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from hil.forms import form, places, reading
from hil.forms.form import AnyOf, Form, Like, OneOf, Words, meant, said
from hil.forms.reading import Problem
from hil.model.outcome import Outcome
from hil.model.procedure import ProcedureKind
from hil.model.verdicts import VOID, Verdict
from hil.targets.hpcs.model.evidence import ErrorClass
from hil.targets.hpcs.model.flow import Flow
from hil.targets.hpcs.model.orders import SELECTORS
from hil.targets.hpcs.model.registers import EMPTY, FULL_COMMITTED, FULL_UNCOMMITTED, VALID, Promotion
from hil.targets.hpcs.model.rules import AGAIN, ASK, LOOK
from hil.targets.hpcs.model.sight import MIXED, Agreement, Rows
from hil.targets.hpcs.model.standing import Extent
from hil.targets.hpcs.model.twin.commands import COMMANDS

FILE = Path(__file__).with_name("schema.json")
# Commands that ask for crypto units; the others take none.
ASKING = frozenset({"cryptounit-add", "cryptounit-rm", "auto-mk-recover", "auto-recover"})

_Name = Annotated[str, Like(r"^[a-z][a-z0-9-]{0,59}$", "a name of small letters, digits and hyphens")]
_Order = Annotated[
    str,
    Like(
        rf"^({AGAIN}|{ASK}|[a-z][a-z-]*( @[a-z-]+|( [1-9][0-9]*)+)?)$",
        "a command: one of tke, with units where it asks for them ('cryptounit-rm @promoted'), "
        f"{AGAIN} or {ASK}",
    ),
]
_Orders = list[_Order]
_Flows = Annotated[list[Flow], AnyOf(tuple(Flow))]
_Commands = Annotated[list[str], AnyOf(tuple(COMMANDS))]
_Shown = Annotated[list[bool], AnyOf((True, False))]
_States = Annotated[list[str], AnyOf((EMPTY, FULL_UNCOMMITTED, FULL_COMMITTED, VALID, MIXED))]
_Messages = Annotated[list[str], AnyOf(("none", "1", "2", "12"))]
_Extents = Annotated[list[Extent], AnyOf(tuple(Extent))]
_Errors = Annotated[list[ErrorClass], AnyOf(tuple(ErrorClass))]
_Promotions = Annotated[list[Promotion], AnyOf(tuple(Promotion))]
_Agreements = Annotated[list[Agreement], AnyOf(tuple(Agreement))]
_RowsOf = Annotated[list[Rows], AnyOf(tuple(Rows))]


def _condition(text: str) -> Any:  # noqa: ANN401 - as Field of pydantic
    return Field(default_factory=list, description=text)


class Conditions(Form):
    """What has to hold: each key that is there has one of its values."""

    @property
    def values(self) -> dict[str, tuple[Any, ...]]:
        """The keys that are there, and the values of each."""
        names = (name for name in type(self).model_fields if name in self.model_fields_set)
        return {name: tuple(getattr(self, name)) for name in names}


class EvidenceForm(Conditions):
    """What an operator sees."""

    flow: _Flows = _condition("rotation by recovery crypto units, or by key parts")
    command: _Commands = _condition("the command that did not end well")
    error: _Errors = _condition("how it ended, by its output; none: it just stopped")
    message1: _Shown = _condition("whether message 1 stands in the transcript")
    message2: _Shown = _condition("whether message 2 stands in the transcript")
    promotion: _Promotions = _condition("after a look: units that have NEW in CURRENT")
    current: _Agreements = _condition("after a look: whether the CURRENT registers agree")
    new: _States = _condition("after a look: the state that all NEW registers share")
    rows: _RowsOf = _condition("after a look with rotation-status: whose rows they are")


class StandingForm(Conditions):
    """How far a rotation truly was."""

    flow: _Flows = _condition("rotation by recovery crypto units, or by key parts")
    command: _Commands = _condition("the command that did not end well")
    loaded: _Extents = _condition("crypto units that have the new key at least in NEW")
    committed: _Extents = _condition("crypto units in which it is committed at least")
    rows: _Extents = _condition("rows that are rewrapped")
    promoted: _Extents = _condition("crypto units that have it in CURRENT")
    printed: _Messages = _condition("messages that were printed")
    shown: _Messages = _condition("messages that the operator can still see")
    ended: _Errors = _condition("the error that the command ended with")


class RuleForm(Form):
    """A row of the table."""

    name: Words = Field(description="what reports call the rule")
    source: Words = Field(description="where it is from: a page and branch, or an assumption")
    when: EvidenceForm = Field(description="what has to be seen; all of it, and of a list one")
    run: _Orders = Field(description="commands to type; the first that fails ends the rule")
    prepare: _Orders = Field(
        default_factory=list, description="typed before, and no part of a control's one step"
    )


class ExpectForm(Form):
    """A prediction in detail."""

    why: Words = Field(description="why, in half a sentence")
    when: StandingForm = Field(description="how far the rotation truly was; all of it, and of a list one")
    outcome: Annotated[Outcome, OneOf(tuple(Outcome))] = Field(description="what is predicted")


class ProcedureForm(Form):
    """The whole file."""

    name: _Name = Field(description="the name; ids of scenarios end with it")
    kind: Annotated[ProcedureKind, OneOf(tuple(ProcedureKind))] = Field(description="why it is followed")
    title: Words = Field(description="what it is, in a few words")
    expected: Annotated[Verdict, OneOf(tuple(one for one in Verdict if one not in VOID))] = Field(
        description="the verdict that its author predicts"
    )
    look: _Orders = Field(
        default_factory=lambda: [LOOK], description="commands that show the instance", min_length=1
    )
    rule: list[RuleForm] = Field(description="rows of the table; exactly one has to match", min_length=1)
    expect: list[ExpectForm] = Field(
        default_factory=list, description="predictions in detail; the first that fits counts"
    )


def read(content: str) -> ProcedureForm:
    """Read the text of a procedure file; raises Faulty."""
    return reading.parse(content, ProcedureForm, _problems)


def _problems(read: ProcedureForm) -> Iterator[Problem]:
    """Yield what is wrong with commands and names."""
    names: dict[str, int] = {}
    for number, rule in enumerate(read.rule):
        if names.setdefault(rule.name, number) != number:
            yield Problem(
                ("rule", number, "name"), f"there is a rule {said(rule.name)} before, name it apart"
            )
        yield from _orders(rule.run, ("rule", number, "run"))
        yield from _orders(rule.prepare, ("rule", number, "prepare"))
    yield from _orders(read.look, ("look",))


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


def json_schema() -> form.JsonSchema:
    """Return the form as JSON Schema."""
    return form.json_schema(ProcedureForm, "Recovery procedure of hsm-hil")


if __name__ == "__main__":
    FILE.write_text(json.dumps(json_schema(), indent=1) + "\n")
