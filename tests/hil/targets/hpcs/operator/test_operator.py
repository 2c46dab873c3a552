"""The operator at a console whose commands and screens are written down beforehand."""

from dataclasses import dataclass, field

import pytest

from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.boundaries.terminal import Answers, EndedCommand
from hil.targets.hpcs.operator import load
from hil.targets.hpcs.operator.operator import Operator, Recovery
from hsm_emulator.instance import Instance, UnitEntry, UnitType
from hsm_emulator.registers import RegisterState
from hsm_emulator.tke import screen
from hsm_emulator.tke.unitstate import RegisterStatus, UnitStatus

MESSAGE_1 = "Delaying 30 seconds to allow server to discover new master key values"
MESSAGE_2 = "KMS CRK rewrap successful, waiting on cryptounit-mk-setimm"
KILLED = -9


@dataclass
class Console:
    """Plays commands from a list of (exit code, lines) and remembers what was typed."""

    script: list[tuple[int, list[str]]]
    struck: bool = False
    typed: list[str] = field(default_factory=list)
    answers: list[Answers] = field(default_factory=list)
    endless: int = -1  # the place of a command that the bench has to end
    shown: list[str] = field(default_factory=list)

    def tke(self, command: str, answers: Answers = ()) -> EndedCommand:
        """Play the next entry."""
        self.typed.append(command)
        self.answers.append(answers)
        code, lines = self.script.pop(0)
        self.shown += lines
        return EndedCommand(command, tuple(lines), code, timed_out=len(self.typed) - 1 == self.endless)

    def lines(self) -> list[str]:
        """All that was shown."""
        return self.shown

    def between(self) -> bool:
        """Whether something died."""
        return self.struck


def _screen(*promoted: bool) -> list[str]:
    """Show ``cryptounit-mks`` of operational units of which some are promoted."""
    old, new = "a" * 64, "b" * 64
    units = [
        UnitStatus(
            number=number,
            type=UnitType.OPERATIONAL,
            module="",
            domain=1,
            imprint=False,
            signature_threshold=2,
            revocation_threshold=2,
            counter=0,
            administrators=(),
            current=RegisterStatus(RegisterState.VALID, new if done else old),
            new=RegisterStatus(RegisterState.EMPTY, "0" * 64)
            if done
            else RegisterStatus(RegisterState.FULL_COMMITTED, new),
        )
        for number, done in enumerate(promoted, start=1)
    ]
    instance = Instance("", "", "", "", "", "", ())
    return [*screen.new_registers(instance, units), *screen.current_registers(instance, units)]


def _recover(console: Console, flow: str = "auto") -> tuple[list[str], str]:
    operator = Operator(console, flow, load.builtin("documented"))
    recovery = operator.recover(operator.rotate())
    return console.typed, recovery.stuck


def test_killed_before_message_1() -> None:
    """Nothing was shown, so the whole rotation is run again."""
    console = Console([(KILLED, []), (0, ["OK"])])
    assert _recover(console) == (["auto-mk-rotate", "auto-mk-rotate"], "")


def test_killed_after_message_1() -> None:
    """Message 1 was shown, so key storage is rewrapped and the keys are promoted."""
    console = Console([(KILLED, [MESSAGE_1]), (0, ["OK"])])
    assert _recover(console) == (["auto-mk-rotate", "cryptounit-mk-rotate"], "")


def test_killed_in_the_middle_of_promotion() -> None:
    """The operator looks, deselects the units that are promoted by their numbers, and promotes the others."""
    script = [(KILLED, [MESSAGE_1, MESSAGE_2]), (0, _screen(True, False, True)), (0, []), (0, ["OK"])]
    console = Console(script)
    typed, stuck = _recover(console)
    assert typed == ["auto-mk-rotate", "cryptounit-mks", "cryptounit-rm", "cryptounit-mk-setimm"]
    assert stuck == ""
    question = "Enter a list of CRYPTO UNIT NUM"
    assert [answer for pattern, answer in console.answers[2] if pattern.search(question)] == ["1 3"]


def test_expired_token() -> None:
    """The operator logs in, types the same command again, and goes on with the rest of the rotation."""
    refused = ["FAILED", "Error querying crypto units.", "Status code: 401"]
    console = Console([(0, []), (1, refused), (0, []), (0, []), (0, [])])
    typed, stuck = _recover(console, "parts")
    assert typed == [
        "cryptounit-mk-load",
        "cryptounit-mk-commit",
        "login",
        "cryptounit-mk-commit",
        "cryptounit-mk-rotate",
    ]
    assert stuck == ""


def test_expired_token_after_the_messages() -> None:
    """Whatever the messages say to do, the operator logs in first, once, also before a look."""
    expired = ["FAILED", "Error querying crypto units.", "Status code: 401"]
    console = Console([(1, [MESSAGE_1, *expired]), (0, []), (0, ["OK"])])
    assert _recover(console) == (["auto-mk-rotate", "login", "cryptounit-mk-rotate"], "")

    script = [(1, [MESSAGE_1, MESSAGE_2, *expired]), (0, []), (0, _screen(False, False)), (0, ["OK"])]
    typed = ["auto-mk-rotate", "login", "cryptounit-mks", "cryptounit-mk-setimm"]
    assert _recover(Console(script)) == (typed, "")


def test_a_login_is_no_part_of_the_act_of_a_control() -> None:
    """A wrong step is tried with a token that holds, and begins after the login."""
    console = Console([(1, [MESSAGE_1, "Status code: 401"]), (0, []), (0, [])])
    recovery = _control(console, "rerun-after-message-1")
    assert console.typed == ["auto-mk-rotate", "login", "(acting)", "auto-mk-rotate"]
    assert recovery.commands == ("login", "auto-mk-rotate")


def test_a_rule_that_leads_nowhere_is_followed_once() -> None:
    """The same evidence after the same rule is being stuck; nobody types a command for ever."""
    failed = (1, ["FAILED", "Status code: 503"])
    typed, stuck = _recover(Console([failed] * 9))
    assert typed == ["auto-mk-rotate", "auto-mk-rotate"]
    assert "led here again" in stuck


def test_after_another_death_the_same_rule_may_be_followed() -> None:
    """When something died meanwhile, the same evidence is no proof of a loop; but there is an end."""
    console = Console([(KILLED, [])] * 9, struck=True)
    typed, stuck = _recover(console)
    assert len(typed) == 7
    assert stuck == "not done after 6 rounds"


@pytest.mark.parametrize(
    ("script", "typed"),
    [
        ([(KILLED, [MESSAGE_1])], ["auto-mk-rotate"]),
        ([(KILLED, [MESSAGE_1]), (KILLED, [])], ["auto-mk-rotate", "cryptounit-mk-rotate"]),
        ([(KILLED, [MESSAGE_1, MESSAGE_2]), (KILLED, [])], ["auto-mk-rotate", "cryptounit-mks"]),
    ],
)
def test_a_command_without_end(script: list[tuple[int, list[str]]], typed: list[str]) -> None:
    """A rotation, a step or a look that the bench had to end is being stuck, and no death to recover from."""
    console = Console(script, endless=len(script) - 1)
    assert _recover(console) == (typed, f"{typed[-1]} did not come to an end by itself")


def test_no_rule_is_told_in_words() -> None:
    """Where the page is silent, the operator says which evidence it is silent about."""
    console = Console([(1, ["FAILED", "x", "Nothing was changed."])])
    _, stuck = _recover(console)
    assert stuck == (
        "no rule for: message 1 not shown, message 2 not shown, auto-mk-rotate ended with an error (precheck)"
    )


def test_registers_that_cannot_be_shown() -> None:
    """An operator who has to look and cannot is stuck."""
    console = Console([(KILLED, [MESSAGE_1, MESSAGE_2]), (1, ["FAILED"])])
    assert _recover(console)[1] == "cryptounit-mks ended with exit code 1"


def test_flows_of_the_bench() -> None:
    """A rotation stops at the first command that fails."""
    console = Console([(0, []), (0, []), (1, [])])
    ended = Operator(console, "parts", load.builtin("documented")).rotate()
    assert (tuple(console.typed), ended.exit_code) == (sut.FLOWS["parts"], 1)


def _control(console: Console, name: str) -> Recovery:
    operator = Operator(console, "auto", load.builtin(name), lambda: console.typed.append("(acting)"))
    return operator.recover(operator.rotate())


def test_a_control_is_one_step_and_tells_that_it_was_refused() -> None:
    """A wrong step is taken once, whatever it ends with, and the act begins after its preparations."""
    script = [(KILLED, [MESSAGE_1, MESSAGE_2]), (0, _screen(True, False)), (0, []), (1, ["FAILED"])]
    console = Console(script)
    recovery = _control(console, "zeroize-promoted")
    assert console.typed == [
        "auto-mk-rotate",
        "cryptounit-mks",
        "cryptounit-rm",
        "(acting)",
        "cryptounit-zeroize",
    ]
    assert recovery.commands == ("cryptounit-mks", "cryptounit-rm 2", "cryptounit-zeroize")
    assert (recovery.stuck, recovery.refused) == ("", True)


@pytest.mark.parametrize("code", [0, KILLED])
def test_a_step_that_went_through_or_was_killed_is_not_refused(code: int) -> None:
    """Only a command that ends with an error of its own has refused."""
    script = [(KILLED, [MESSAGE_1]), (code, [])]
    assert not _control(Console(script), "rerun-after-message-1").refused


def test_whoever_waits_for_valid_waits_for_ever() -> None:
    """NEW is never 'Valid', so that reading of the page has no rule, and nothing is typed but looks."""
    console = Console([(KILLED, [MESSAGE_1, MESSAGE_2]), (0, _screen(False, False))])
    recovery = _control(console, "wait-for-valid")
    assert recovery.commands == ("cryptounit-mks",)
    assert recovery.stuck.startswith("no rule for: message 1 shown, message 2 shown")


def _instance(rows: dict[str, int]) -> list[tuple[int, list[str]]]:
    """Screens of the state-based look: login, units, selection, two units of which one is promoted, rows."""
    entries = tuple(UnitEntry(n, UnitType.OPERATIONAL, "[r].[A]", "", n, "") for n in (1, 2))
    instance = Instance("", "", "", "", "", "", entries)
    listed = screen.crypto_units(instance, frozenset())
    return [(0, []), (0, listed), (0, []), (0, _screen(True, False)), (0, screen.key_storage(instance, rows))]


def test_the_state_based_operator_needs_no_transcript() -> None:
    """With an empty terminal he logs in, selects all units, looks at registers and rows, and finishes."""
    console = Console([(KILLED, []), *_instance({"b" * 32: 3}), (0, []), (0, ["OK"])])
    recovery = _control(console, "state-based")
    assert recovery.commands == (
        "login",
        "cryptounits",
        "cryptounit-add 1 2",
        "cryptounit-mks",
        "rotation-status",
        "cryptounit-rm 1",
        "cryptounit-mk-setimm",
    )
    assert recovery.stuck == ""


def test_the_state_based_operator_stops_and_asks() -> None:
    """Where a row is under a key that a unit does not hold, nothing more is typed."""
    console = Console([(KILLED, []), *_instance({"a" * 32: 1, "b" * 32: 2})])
    recovery = _control(console, "state-based")
    assert recovery.commands[-1] == "rotation-status"
    assert recovery.stuck == "stop and ask a human: a row is out of reach of a crypto unit"
