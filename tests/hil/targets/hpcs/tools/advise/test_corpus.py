"""Advice on transcripts of a campaign, whole, cut, broken and coloured."""

import re
from collections.abc import Callable, Mapping
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.targets.hpcs.model.history import Doubt
from hil.targets.hpcs.tools.advise.advice import Advice, Answer, Reason
from hil.targets.hpcs.tools.advise.reading import BadTranscript
from hil.targets.hpcs.tools.advise.warnings import NEVER
from tests.hil.targets.hpcs.tools.advise import damage
from tests.hil.targets.hpcs.tools.advise.conftest import Case, advice, cases, decisions, typed

CASES = pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
SAMPLED = st.sampled_from(cases())
UNDECIDED = (Answer.LOOK, Answer.STOP)
DESTROY = {"auto-mk-rotate", "cryptounit-mk-setimm", "cryptounit-mk-clrnew", "cryptounit-zeroize"}
MESSAGE_1 = "Delaying 30 seconds to allow server to discover new master key values"
BEGIN_A_REWRAP = {MESSAGE_1, "$ cryptounit-mk-rotate"}
MESSAGE_2 = "KMS CRK rewrap successful, waiting on cryptounit-mk-setimm"


@cache
def _right(case: Case) -> frozenset[tuple[str, ...]]:
    """What was right at some prompt of the transcript of a crash."""
    prompts = [match.start() for match in re.finditer(r"^\$ ", case.crashed, re.MULTILINE)]
    return frozenset(typed(advice(f"{case.crashed[:at]}$ ")) for at in prompts[1:])


@cache
def _forbidden(case: Case) -> frozenset[str]:
    """What would destroy keys in this crash, by its rows and registers."""
    return damage.Subject(case.id, case.crashed, damage.State.of(case.state)).forbidden


def _undecided_or_right(case: Case, told: Advice) -> bool:
    return told.answer in UNDECIDED or typed(told) in _right(case)


def _holds(case: Case, text: str) -> None:
    """Advice on a worse transcript of the same crash is the right one, or none at all."""
    try:
        told = advice(text)
    except BadTranscript:
        return
    assert _undecided_or_right(case, told), text


def test_all_classes_of_evidence_are_there() -> None:
    """The corpus has both flows, all messages, every promotion, an error, a dead unit and second deaths."""
    assert len(cases()) >= 12
    told = [advice(case.crashed) for case in cases()]
    seen = {(one.evidence.flow, one.evidence.message1, one.evidence.message2) for one in told}
    assert seen == {
        ("auto", False, False),
        ("auto", True, False),
        ("auto", True, True),
        ("parts", False, False),
        ("parts", False, True),
    }
    assert {str(one.evidence.error) for one in told} == {"none", "token", "other"}


@CASES
def test_advice_is_what_the_campaign_proved(case: Case) -> None:
    """At each decision of the recovery the advice is what the operator typed, and in the end nothing.

    One is left out: where message 1 is the next line, the advice is to look, and the page says to run.
    """
    for moment, told in decisions(case):
        assert told.answer in (Answer.RUN, Answer.LOOK), moment
        if Doubt.LAST_COMMIT in told.doubts:
            continue
        assert typed(told) == moment.typed[: len(told.orders)]
    assert advice(case.transcript).answer is Answer.DONE


@settings(deadline=None)
@given(SAMPLED, st.data())
def test_cut_anywhere(case: Case, data: st.DataObject) -> None:
    """Whatever is cut off at the beginning and at the end: what is advised was right, or nothing is."""
    whole = case.crashed
    start = data.draw(st.integers(0, len(whole)), "start")
    end = data.draw(st.integers(start, len(whole)), "end")
    _holds(case, whole[start:end])


@settings(deadline=None)
@given(SAMPLED, st.data())
def test_a_gap(case: Case, data: st.DataObject) -> None:
    """Lines that are missing in the middle never lead to a command that destroys the wrong master key.

    One gap is left out, because nobody can see it: the beginning of a rewrap and all that speaks of it later.
    """
    lines = case.crashed.split("\n")
    start = data.draw(st.integers(1, len(lines) - 1), "start")
    end = data.draw(st.integers(start, len(lines) - 1), "end")
    if BEGIN_A_REWRAP & set(lines[start:end]) and not any("rewrap" in line for line in lines[end:]):
        return
    told = advice("\n".join(lines[:start] + lines[end:]))
    assert _undecided_or_right(case, told) or not _forbidden(case) & {order.command for order in told.orders}


@CASES
@pytest.mark.parametrize("kept", [0, 1, 2])
def test_lost_output(case: Case, kept: int) -> None:
    """Of a terminal that was lost, but for its last lines, no command that destroys is read."""
    head, _, _ = case.crashed.partition("\n")
    lines = case.crashed.split("\n")[1:-1]
    told = advice("\n".join([head, *lines[len(lines) - kept :], "$ "]))
    assert _undecided_or_right(case, told) or not DESTROY & {order.command for order in told.orders}
    assert kept or told.answer is Answer.LOOK


@settings(deadline=None)
@given(SAMPLED, st.integers(8, 160))
def test_broken_lines(case: Case, width: int) -> None:
    """A window of any width changes nothing for the worse, one of sixty columns nothing at all."""
    rows = (
        line[at : at + width] for line in case.crashed.split("\n") for at in range(0, len(line) or 1, width)
    )
    text = "\n".join(rows)
    _holds(case, text)
    if width >= 60:
        assert typed(advice(text)) == typed(advice(case.crashed))


def _coloured(text: str) -> str:
    return "".join(
        f"\x1b[1;3{number % 8}m{line}\x1b[0m\x1b[K\n" for number, line in enumerate(text.split("\n"))
    )


def _typed_at(text: str, prompt: str, program: str) -> str:
    return re.sub(
        r"^\$ (?=(\w?))", lambda match: prompt + (program if match[1] else ""), text, flags=re.MULTILINE
    )


DRESSES: Mapping[str, Callable[[str], str]] = {
    "colours": _coloured,
    "carriage returns": lambda text: text.replace("\n", "\r\n"),
    "rubbed out": lambda text: text.replace("Committing", "Com\x08\x08\x08Committing"),
    "a title of the window": lambda text: text.replace("$ ", "\x1b]0;tke\x07$ "),
    "the name of the cloud": lambda text: _typed_at(text, "me@host:~/keys$ ", "ibmcloud tke "),
    "PowerShell": lambda text: _typed_at(text, "PS C:\\Users\\me> ", "ibmcloud tke "),
    "periods": lambda text: text.replace("new master key values", "new master key values."),
    "MKS": lambda text: text.replace(MESSAGE_2, MESSAGE_2.replace("KMS", "MKS") + "."),
    "other programs": lambda text: text.replace("$ ", "$ ls\n1.sigkey  DOMAINS\n$ date\nSat\n$ "),
    "a banner": lambda text: f"Last login: Sat Nov 21 on ttys001\n\n{text}",
    "the cloud in Japanese": lambda text: text.replace("FAILED", "失敗"),
}


@CASES
@pytest.mark.parametrize("dress", DRESSES)
def test_dresses(case: Case, dress: str) -> None:
    """Colours, prompts, names of the program and spellings change nothing."""
    assert typed(advice(DRESSES[dress](case.crashed))) == typed(advice(case.crashed))


@CASES
def test_no_prompt_at_the_end(case: Case) -> None:
    """Without the prompt more may have been printed: the advice is to look."""
    told = advice(case.crashed.removesuffix("$ "))
    assert (told.answer, told.reason) == (Answer.LOOK, Reason.DOUBT)


@CASES
def test_no_advice_runs_what_it_warns_of(case: Case) -> None:
    """What must never be run now is not among the commands."""
    for moment in case.moments():
        told = advice(moment.screen)
        assert not {order.command for order in told.orders} & {name for name, _ in NEVER[told.phase]}
