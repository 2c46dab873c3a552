"""Procedures are read from TOML, and a file that cannot be used is one error with its place."""

from itertools import product

import pytest

from hil.model.outcome import Outcome
from hil.model.procedure import ProcedureKind
from hil.model.verdicts import Verdict
from hil.targets.hpcs.emulator import FLOWS
from hil.targets.hpcs.model.standing import Extent, Standing
from hil.targets.hpcs.operator import load

HEAD = 'name = "n"\nkind = "documented"\ntitle = "t"\nexpected = "RECOVERED"\n'
RULE = """[[rule]]
name = "r"
source = "s"
when = { message1 = true, error = ["none", "other"] }
run = ["login"]
"""


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
    assert rule.run == ("login",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "here:1: the key 'name' is missing"),
        (HEAD, "here:1: the key 'rule' is missing"),
        (
            HEAD + RULE.replace('source = "s"\n', ""),
            "here:5: rule: the key 'source' is missing: where it is from",
        ),
        (
            HEAD + RULE.replace("message1", "mesage1"),
            "here:8: rule.when.mesage1: unknown key, did you mean 'message1'",
        ),
        (HEAD + RULE.replace("true", "1"), "here:8: rule.when.message1: unknown value '1', use true, false"),
        (
            HEAD + RULE.replace('"other"', '"any"'),
            "here:8: rule.when.error: unknown value 'any', use none, token",
        ),
        (HEAD + RULE.replace('["none", "other"]', "[]"), "here:8: rule.when.error: the list is empty"),
        (HEAD + RULE.replace("run = [", "runs = ["), "here:5: rule: the key 'run' is missing"),
        (
            (HEAD + RULE).replace("documented", "guessed"),
            "here:2: kind: unknown value 'guessed', use documented",
        ),
        (
            (HEAD + RULE).replace("RECOVERED", "FINE"),
            "here:4: expected: unknown value 'FINE', use RECOVERED, DATA_LOST",
        ),
        ((HEAD + RULE).replace("RECOVERED", "NOT_FIRED"), "here:4: expected: unknown value 'NOT_FIRED'"),
        ((HEAD + RULE).replace('"n"', '"a name"'), "here:1: name: 'a name' is not a name of small letters"),
        (HEAD + "[[rule]", "here:5: no TOML: "),
        (HEAD + 'odd = "', "here:5: no TOML: "),
        (HEAD + "rule = 1", "here:5: rule: a number is not a list"),
        (HEAD + "rule = [1]", "here:5: rule: a number is not a table"),
        (
            HEAD + RULE.replace('["login"]', '["logni"]'),
            "here:9: rule.run: unknown command 'logni', did you mean 'login'?",
        ),
        (
            HEAD + RULE.replace('["login"]', '["tke login now"]'),
            "here:9: rule.run: 'tke login now' is not a command",
        ),
        (
            HEAD + RULE.replace('"login"', '"cryptounit-rm @any"'),
            "here:9: rule.run: unknown crypto units '@any'",
        ),
        (
            HEAD + RULE.replace('"login"', '"cryptounit-rm"'),
            "here:9: rule.run: cryptounit-rm asks for crypto units, add",
        ),
        (
            HEAD + RULE.replace('"login"', '"login 1 2"'),
            "here:9: rule.run: login asks for no crypto units, leave out '1 2'",
        ),
        (HEAD + RULE + RULE, "here:11: rule.name: there is a rule 'r' before"),
        (
            HEAD + RULE + EXPECT.replace("rows", "row"),
            "here:12: expect.when.row: unknown key, did you mean 'rows'?",
        ),
        (
            HEAD + RULE + EXPECT.replace("LOST", "GONE"),
            "here:13: expect.outcome: unknown value 'GONE', use PRESERVED",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(text: str, says: str) -> None:
    """The error names the file, the line, and what to write there."""
    with pytest.raises(load.BadProcedure) as refused:
        load.parse(text, "here")
    assert says in str(refused.value)


def test_all_that_is_wrong_is_found_at_once() -> None:
    """Faults come in the order of their lines, not one a run."""
    text = (HEAD + RULE).replace("RECOVERED", "FINE").replace('"t"', '""').replace("flow", "low")
    assert [fault.line for fault in load.faults(text)] == [3, 4]


def test_unknown_name_lists_the_known_ones() -> None:
    """Asked for a procedure that does not exist, the loader says which do."""
    with pytest.raises(load.BadProcedure, match=r"known are: .*, documented, "):
        load.builtin("undocumented")
