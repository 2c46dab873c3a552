"""Profiles that cannot be used are refused in one line."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from harness.cli import main
from harness.foreign.ledger import BadAnswer, Sight, Standing, verdict
from harness.foreign.point import Counting, Point, Scenario
from harness.foreign.profile import BadProfile, Profile, load
from harness.model.faults import BadId, When
from harness.model.verdicts import Exit, Verdict

Toy = Callable[[str], Profile]
EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "sut"

WRONG = {
    'flow = "rotate"': ("", "'flow' is missing"),
    'victim = "tool"': ('victim = "The Tool"', "victim is 'The Tool'"),
    'rotate = "rotate"': ('rotate = "turn"', "rotate is 'turn', which is none of the commands"),
    'run = "rotate"': ('run = "turn"', "a rule runs 'turn', which is none of the commands"),
    'shows = ["rotated"]': ('shows = ["done"]', "a rule looks for 'done', which is none of the messages"),
    'ended = ["killed"]': ('ended = ["dead"]', "'dead' is not a valid Ended"),
    '{ ended = ["killed"]': (
        '{ after = ["turn"]',
        "a rule follows 'turn', which is none of the commands",
    ),
    'name = "toy"': ('name = "toy"\nusers = 3', "the profile has no 'users'"),
    'rotated = "^rotated"': ('rotated = "("', "unterminated subpattern"),
}


@pytest.mark.parametrize("right", WRONG)
def test_what_is_wrong_is_named(toy: Toy, right: str) -> None:
    """A profile with one mistake is refused with a text that names it."""
    path = toy("careful").path
    wrong, text = WRONG[right]
    path.write_text(path.read_text().replace(right, wrong))
    with pytest.raises(BadProfile, match=text.replace("(", r"\(")):
        load(path)


WHOLE = {
    "name": '"n"',
    "flow": '"f"',
    "victim": '"v"',
    "setup": '[["true"]]',
    "rotate": '"go"',
    "commands": '{ go = ["true"] }',
    "check": '["true"]',
    "messages": '{ done = "done" }',
    "environment": '{ A = "b" }',
    "ignore": '["log"]',
    "needs": "[]",
    "seconds": "60",
    "procedures": '[{ name = "again", rules = [{ run = "go" }] }]',
}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("value", ["5", "true", '"text"', "[5]", "[[5]]", "{ a = 5 }", "[{ a = 5 }]"])
def test_an_entry_of_another_kind(tmp_path: Path, name: str, value: str) -> None:
    """Whatever stands in an entry, the profile is read or refused; nothing else."""
    path = tmp_path / "sut.toml"
    path.write_text("".join(f"{entry} = {text}\n" for entry, text in WHOLE.items()))
    load(path)
    path.write_text("".join(f"{entry} = {text}\n" for entry, text in (WHOLE | {name: value}).items()))
    with suppress(BadProfile):
        load(path)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_examples_can_be_read(path: Path) -> None:
    """Every profile that comes with the bench can be loaded, and says how its system is installed."""
    assert load(path).install


def test_what_is_not_installed(toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A system under test that is not here ends the command with how to install it, and leaves no folder."""
    path = toy("careful").path
    path.write_text('needs = ["{here}/nothing"]\ninstall = "make nothing"\n' + path.read_text())
    assert main(["sut", "run", str(path), "--out", str(tmp_path / "run")]) == Exit.USAGE
    assert "which is not here; install it: make nothing" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_ordinals() -> None:
    """Calls are counted by name and side; a file of the gate is a PKCS#11 call."""
    counting = Counting()
    told = [("write", "f"), ("unlink", "pkcs11/C_WrapKey-before"), ("unlink", "pkcs11/C_WrapKey-after")]
    calls = [counting.call(*one) for one in (*told, *told)]
    assert [call.text for call in calls[3:]] == [
        "write.2-before f",
        "C_WrapKey.2-before",
        "C_WrapKey.2-after",
    ]


def test_ids_can_be_read_back() -> None:
    """An id names its scenario, and one of another victim is refused."""
    point = Point("C_WrapKey", 2, When.AFTER)
    scenario = Scenario("rewrap", "barbican-manage", point, "rerun", Verdict.RECOVERED)
    assert Scenario.parse(scenario.id, "barbican-manage", Verdict.RECOVERED) == scenario
    with pytest.raises(BadId):
        Scenario.parse(scenario.id, "tke", Verdict.RECOVERED)


LEDGER = Sight({"a": Standing.OLD, "b": Standing.OLD})
SEEN = (
    ({"a": Standing.NEW, "b": Standing.NEW}, True, Verdict.RECOVERED),
    ({"a": Standing.NEW, "b": Standing.NEW}, False, Verdict.STUCK),
    ({"a": Standing.NEW, "b": Standing.OLD}, True, Verdict.STUCK),
    ({"a": Standing.NEW, "b": Standing.BOTH}, True, Verdict.STUCK),
    ({"a": Standing.NEW, "b": Standing.NEW, "c": Standing.NEW}, True, Verdict.STUCK),
    ({"a": Standing.NEW, "b": Standing.GONE}, True, Verdict.DATA_LOST),
    ({"a": Standing.NEW}, True, Verdict.DATA_LOST),
)


@pytest.mark.parametrize(("keys", "done", "expected"), SEEN)
def test_verdicts(keys: dict[str, Standing], done: bool, expected: Verdict) -> None:  # noqa: FBT001
    """A verdict follows from what opens each key of the ledger, and whether the operator had an answer."""
    assert verdict(Sight(keys), LEDGER, done=done) is expected


def test_problems_keep_a_recovery_from_being_one() -> None:
    """What a check has found beside the keys counts."""
    sight = Sight({"a": Standing.NEW, "b": Standing.NEW}, ("a copy lies there in clear",))
    assert verdict(sight, LEDGER, done=True) is Verdict.STUCK


@pytest.mark.parametrize("answer", ["", "{}", '{"keys": {"a": "fine"}}', '["a"]'])
def test_an_answer_that_is_none(answer: str) -> None:
    """A check that prints something else fails, and is not taken for an empty key store."""
    with pytest.raises(BadAnswer, match="the check printed no answer"):
        Sight.parse(answer)
