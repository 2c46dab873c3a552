"""What is doubtful in a procedure is found without playing it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from hil.targets.hpcs.boundaries.terminal import EndedCommand
from hil.targets.hpcs.emulator import FLOWS
from hil.targets.hpcs.model.evidence import ErrorClass, Evidence
from hil.targets.hpcs.model.twin.commands import run
from hil.targets.hpcs.model.twin.instance import OLD, TwinInstance, TwinUnit
from hil.targets.hpcs.operator import check, gaps, load
from hil.targets.hpcs.operator.operator import Operator
from tests.hil.targets.hpcs.operator.twinconsole import KILLED, MESSAGES, Console

STATE_BASED = load.builtin("state-based")
HEAD = 'name = "n"\nkind = "documented"\ntitle = "t"\nexpected = "RECOVERED"\n'
ALL = 'look = ["cryptounits", "cryptounit-mks", "rotation-status"]\n'


def _rule(name: str, when: str, run: str = "cryptounit-mk-rotate") -> str:
    return f'[[rule]]\nname = "{name}"\nsource = "s"\nwhen = {{ {when} }}\nrun = ["{run}"]\n'


def _doubts(*rules: str, head: str = HEAD) -> list[str]:
    return [f"{fault.line}: {fault.text}" for fault in check.doubts(head + "".join(rules))]


@pytest.mark.parametrize("name", load.names())
def test_nothing_is_doubtful_in_what_comes_with_the_bench(name: str) -> None:
    """No rule of the bench's own is idle, claims what another does, or is blind to what it needs."""
    assert check.doubts(load.text(name)) == ()


def test_a_rule_that_never_decides() -> None:
    """A rule behind a wider one, and one that several others cover together."""
    found = _doubts(_rule("wide", "message1 = true"), _rule("narrow", 'message1 = true, flow = "auto"'))
    assert "10: rule 'narrow' never decides: wherever it matches, 'wide' (line 5) does too" in found
    parts = _rule("a", 'flow = "auto"'), _rule("b", 'flow = "parts"'), _rule("c", "message2 = true")
    assert any(
        "'c' never decides" in one and "'a' (line 5) or 'b' (line 10)" in one for one in _doubts(*parts)
    )


def test_two_rules_for_one_thing() -> None:
    """The later rule is named with the line of the other one and with what both match."""
    one = _rule("one", 'flow = "auto", message1 = true')
    other = _rule("other", "message2 = true", "cryptounit-mk-setimm")
    (found,) = [text for text in _doubts(one, other) if "ambiguous" in text]
    assert found == (
        "10: ambiguous: rule 'other' and 'one' (line 5) both match: "
        "auto, auto-mk-rotate, message1 true, message2 true"
    )


def test_what_cannot_occur_is_no_overlap() -> None:
    """Two rules that only a transcript could fit which no rotation leaves are not called ambiguous."""
    one = _rule("one", 'command = "cryptounit-mk-load"')
    assert not [text for text in _doubts(one, _rule("other", "message2 = true")) if "ambiguous" in text]


def test_silence() -> None:
    """What has no rule is told as far as the rules ask: here, and not for registers that nobody looks at."""
    found = _doubts(_rule("auto", 'flow = "auto"'), _rule("p", 'flow = "parts", error = ["none", "other"]'))
    assert found == [f"5: silent: no rule for parts, {command}, error token" for command in FLOWS["parts"]]


def test_a_control_may_be_silent() -> None:
    """A wrong step is tried where it can be, and nowhere else."""
    assert not _doubts(_rule("r", "message1 = true"), head=HEAD.replace("documented", "forbidden"))


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (_rule("r", 'rows = "new"'), "'r' goes by rows, which no look shows: add 'rotation-status' to look"),
        (_rule("r", 'promotion = "some"', "cryptounit-rm @backup"), "add 'cryptounits' to look"),
        (_rule("r", "message2 = true", "cryptounit-rm @promoted"), "ask for promotion as well"),
        (_rule("r", "message1 = false", "auto-mk-rotate"), "types auto-mk-rotate, which clears registers"),
    ],
)
def test_rules_that_go_by_what_nobody_sees(rule: str, says: str) -> None:
    """A condition or a selector without the look that it needs; and a rerun after whatever command."""
    assert any(says in text for text in _doubts(rule))
    looked = (
        rule if 'rows = "' in rule or "promotion" in rule else rule.replace("{ ", '{ promotion = "some", ')
    )
    assert not any(says in text for text in _doubts(looked, head=HEAD + ALL))


def _found(flow: str, shape: Sequence[str]) -> Iterator[Evidence]:
    """Yield what an operator sees whose rotation dies at a step of the twin's, the last one included."""
    units = tuple(TwinUnit(number, kind) for number, kind in enumerate(shape, start=1))
    at = TwinInstance(units, ((OLD, 12),), tuple(unit.number for unit in units))
    for command in FLOWS[flow]:
        for state in run(at, command).states:
            console = Console(
                replace(state, shown=frozenset()), shown=[MESSAGES[one] for one in sorted(state.shown)]
            )
            operator = Operator(console, flow, STATE_BASED)
            facts = operator._facts(EndedCommand(command, (), KILLED))
            sight, failed = operator._look()
            assert failed is None
            yield replace(facts, **sight.facts())
        at = run(at, command).end


@pytest.mark.parametrize("flow", FLOWS)
def test_what_a_broken_off_rotation_leaves(flow: str) -> None:
    """The list of evidence is just what a rotation of the twin leaves that dies at any of its steps."""
    listed = {facts for facts in gaps.broken_off() if facts.flow == flow and facts.error is ErrorClass.NONE}
    assert set(_found(flow, ("OPERATIONAL", "OPERATIONAL", "RECOVERY"))) == listed
