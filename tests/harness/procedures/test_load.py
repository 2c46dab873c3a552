"""Procedures are read from TOML, and a file that cannot be used is one error with its place."""

import pytest

from harness.model.rules import ProcedureKind
from harness.model.verdicts import Verdict
from harness.procedures import load

HEAD = 'name = "n"\nkind = "documented"\ntitle = "t"\nexpected = "RECOVERED"\n'
RULE = (
    '[[rule]]\nname = "r"\nsource = "s"\nwhen = { message1 = true, error = ["none", "other"] }\nrun = ["c"]\n'
)


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
