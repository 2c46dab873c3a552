"""Procedures are read from TOML, and a file that cannot be used is one error with its place."""

from itertools import product

import pytest

from harness.model.outcome import Outcome
from harness.model.rules import ProcedureKind
from harness.model.standing import Extent, Standing
from harness.model.verdicts import Verdict
from harness.procedures import load
from harness.sut import FLOWS

HEAD = 'name = "n"\nkind = "documented"\ntitle = "t"\nexpected = "RECOVERED"\n'
RULE = (
    '[[rule]]\nname = "r"\nsource = "s"\nwhen = { message1 = true, error = ["none", "other"] }\nrun = ["c"]\n'
)


EXPECT = '[[expect]]\nwhy = "w"\nwhen = { rows = "all" }\noutcome = "LOST"\n'


@pytest.mark.parametrize("name", load.names())
def test_every_builtin_loads_under_its_own_name(name: str) -> None:
    """Each procedure of the bench can be read, and every rule says where it is from."""
    procedure = load.builtin(name)
    assert procedure.name == name
    assert procedure.rules
    assert all(rule.source and rule.when for rule in procedure.rules)
    assert len({rule.name for rule in procedure.rules}) == len(procedure.rules)


def test_expectations_of_the_builtins() -> None:
    """The documented procedure keeps the keys; the control, which the page forbids, loses them."""
    assert load.builtin("documented").expected is Verdict.RECOVERED
    control = load.builtin("rerun-after-message-1")
    assert (control.kind, control.expected) == (ProcedureKind.FORBIDDEN, Verdict.DATA_LOST)


@pytest.mark.parametrize("name", load.names())
def test_expectations_of_a_procedure_never_contradict_each_other(name: str) -> None:
    """For each true standing a procedure predicts one outcome or none."""
    procedure = load.builtin(name)
    for flow, command in (("auto", "auto-mk-rotate"), *(("parts", step) for step in FLOWS["parts"])):
        for loaded, committed, rows, promoted in product(Extent, repeat=4):
            for printed, shown in product(("none", "1", "2", "12"), repeat=2):
                standing = Standing(flow, command, loaded, committed, rows, promoted, printed, shown)
                assert sum(one.matches(standing) for one in procedure.expectations) <= 1, standing


def test_a_prediction_in_detail() -> None:
    """An expectation refines the verdict; where none speaks of the standing, the verdict is left."""
    procedure = load.parse(HEAD + RULE + EXPECT, "here")
    here, there = Standing("auto", rows=Extent.ALL), Standing("auto")
    assert (procedure.expectation(here), procedure.verdict(here)) == (Outcome.LOST, Verdict.DATA_LOST)
    assert (procedure.expectation(there), procedure.verdict(there)) == (None, Verdict.RECOVERED)


def test_a_value_and_a_list_of_values() -> None:
    """A condition may give one value or several; the rule holds them in one form."""
    (rule,) = load.parse(HEAD + RULE, "here").rules
    assert rule.when == {"message1": (True,), "error": ("none", "other")}
    assert rule.run == ("c",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "here: the key 'name' is missing"),
        (HEAD, "here: the key 'rule' is missing"),
        (HEAD + RULE.replace('source = "s"\n', ""), "here: the key 'source' is missing"),
        (
            HEAD + RULE.replace("message1", "mesage1"),
            "rule 'r': unknown condition mesage1, use flow, command",
        ),
        ((HEAD + RULE).replace("documented", "guessed"), "here: 'guessed' is not a valid ProcedureKind"),
        ((HEAD + RULE).replace("RECOVERED", "FINE"), "here: 'FINE' is not a valid Verdict"),
        (HEAD + "[[rule]", "here: "),
        (HEAD + RULE.replace('["c"]', '["c @every"]'), "rule 'r': unknown units @every, use @all"),
        (HEAD + RULE + EXPECT.replace("rows", "row"), "expectation 'w': unknown condition row, use flow"),
        (HEAD + RULE + EXPECT.replace("LOST", "GONE"), "here: 'GONE' is not a valid Outcome"),
    ],
)
def test_what_cannot_be_used_is_refused(text: str, says: str) -> None:
    """The error names the file, and the rule or key in it."""
    with pytest.raises(load.BadProcedure) as refused:
        load.parse(text, "here")
    assert says in str(refused.value)


def test_unknown_name_lists_the_known_ones() -> None:
    """Asked for a procedure that does not exist, the loader says which do."""
    with pytest.raises(load.BadProcedure, match=r"known are: .*, documented, "):
        load.builtin("undocumented")
