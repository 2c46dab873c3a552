"""The verified table: what came of a procedure, by what an operator finds."""

import json
from pathlib import Path
from typing import Any

import pytest

from hil.model.verdicts import Gate, Verdict
from hil.targets.hpcs.model.standing import Extent, Standing
from hil.targets.hpcs.tools.validate import words
from hil.targets.hpcs.tools.validate.table import Found, ProcedureResult, answer, counts, lines
from tests.hil.model.cells import cell

ROTATE = "cryptounit-mk-rotate"
STAND = Standing(
    "auto", "auto-mk-rotate", Extent.ALL, Extent.ALL, Extent.SOME, Extent.NONE, printed="1", shown="1"
)


def _record(point: str, verdict: Verdict = Verdict.RECOVERED, stuck: str = "", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    record = cell(f"auto/{point}/theirs", ROTATE, verdict=verdict, stuck=stuck, **more)
    return record | {"standing": STAND.record()}


@pytest.mark.parametrize(
    ("verdict", "stuck", "means"),
    [
        (Verdict.RECOVERED, "", ProcedureResult.PRESERVES),
        (Verdict.DATA_LOST, "", ProcedureResult.LOSES),
        (Verdict.DATA_LOST, "ambiguous: 'a', 'b'", ProcedureResult.LOSES),
        (Verdict.STUCK, "ambiguous: 'a', 'b'", ProcedureResult.AMBIGUOUS),
        (Verdict.STUCK, "no rule for: message 1 shown", ProcedureResult.SILENT),
        (Verdict.STUCK, "stop and ask a human: why", ProcedureResult.ASKS),
        (Verdict.STUCK, "rule 'a' was followed before and led here again", ProcedureResult.STICKS),
        (Verdict.STUCK, "", ProcedureResult.STICKS),
        (Verdict.NOT_FIRED, "", ProcedureResult.UNKNOWN),
        (Verdict.HARNESS_ERROR, "", ProcedureResult.UNKNOWN),
    ],
)
def test_answers(verdict: Verdict, stuck: str, means: ProcedureResult) -> None:
    """A loss outranks the reason why the operator stopped; a void scenario is never an answer."""
    assert answer(_record("tke@rewrap.1-after", verdict, stuck)) is means


def test_what_looks_alike_and_ends_alike_is_one_line() -> None:
    """The same evidence and the same end make one line with all ids; another end makes another line."""
    fine, again = _record("kms@C_WrapKey.5-after"), _record("kms@C_WrapKey.9-after")
    lost = _record("kms@C_WrapKey.7-after", Verdict.DATA_LOST)
    table = lines([fine, lost, again], {})
    assert [(line.answer, len(line.scenarios)) for line in table] == [
        (ProcedureResult.LOSES, 1),
        (ProcedureResult.PRESERVES, 2),
    ]
    assert table[0].found == table[1].found == Found("auto", 3, "1", "auto-mk-rotate", "killed")
    assert counts(table) == {ProcedureResult.LOSES: 1, ProcedureResult.PRESERVES: 2}


def test_what_was_never_seen_is_in_the_table_too() -> None:
    """A scenario of which nothing is known has a line, without what was found."""
    (line,) = lines(
        [_record("tke@rewrap.1-after", Verdict.HARNESS_ERROR) | {"standing": None, "state": ""}], {}
    )
    assert (line.answer, line.found) == (ProcedureResult.UNKNOWN, None)


def test_in_the_order_of_the_rotation() -> None:
    """Lines go from a rotation that has not begun to one that is over, lost messages after seen ones."""
    stands = [
        Standing("auto", "auto-mk-rotate", Extent.ALL, Extent.ALL, Extent.ALL, Extent.ALL, "12", "12"),
        Standing("auto", "auto-mk-rotate", Extent.ALL, Extent.ALL, Extent.ALL, printed="12", shown="none"),
        Standing("auto", "auto-mk-rotate"),
        Standing("auto", "auto-mk-rotate", Extent.ALL, Extent.ALL, Extent.ALL, printed="12", shown="12"),
    ]
    records = [_record("tke@rewrap.1-after") | {"standing": stand.record()} for stand in stands]
    assert [line.words[1:3] for line in lines(records, {})] == [
        ("nothing begun", "-"),
        ("all rows rewrapped", "1 2"),
        ("all rows rewrapped", "1 2 lost"),
        ("promoted everywhere", "1 2"),
    ]


def test_the_worst_first() -> None:
    """Losses stand above what is stuck, ambiguous, silent, asked, not played and preserved, in any order."""
    ends = [
        (Verdict.RECOVERED, ""),
        (Verdict.NOT_FIRED, ""),
        (Verdict.STUCK, "stop and ask a human: why"),
        (Verdict.STUCK, "no rule for: message 1 shown"),
        (Verdict.STUCK, "ambiguous: 'a', 'b'"),
        (Verdict.STUCK, ""),
        (Verdict.DATA_LOST, ""),
    ]
    table = lines([_record("kms@C_WrapKey.5-after", *end) for end in ends], {})
    assert [line.answer for line in table] == list(reversed(ProcedureResult))
    assert list(counts(table)) == list(reversed(ProcedureResult))


def test_why_keys_are_lost() -> None:
    """A loss says what was typed and which command took the master key away, else what the oracle found."""
    lost, other = (_record(f"kms@C_WrapKey.{at}-after", Verdict.DATA_LOST) for at in (5, 6))
    other |= {"findings": [{"check": "readable", "text": "key 1: CKR_GENERAL_ERROR"}], "recovery": ["login"]}
    table = lines([lost, other], {lost["id"]: "clrnew on unit:2: it has left the last register"})
    assert [line.why for line in table] == [
        f"typed {ROTATE}: clrnew on unit:2: it has left the last register",
        "typed login: key 1: CKR_GENERAL_ERROR",
    ]


def test_the_last_line() -> None:
    """Preserved is said only where the gate passes; what is not preserved is counted, the worst first."""
    fine = lines([_record("tke@rewrap.1-after")], {})
    bad = lines(
        [
            _record("tke@rewrap.1-after", Verdict.STUCK, "no rule for: x"),
            _record("kms@C_WrapKey.5-after", Verdict.DATA_LOST),
        ],
        {},
    )
    assert words.conclusion(fine, Gate.PASS) == "PRESERVES: every key came back in each of 1 scenarios"
    assert words.conclusion(fine, Gate.INCONCLUSIVE).startswith("INCONCLUSIVE")
    assert words.conclusion(fine, Gate.FAIL).startswith("FAIL")  # a probe, or the second opinion
    assert (
        words.conclusion(bad, Gate.FAIL) == "DOES NOT PRESERVE: of 2 scenarios it loses in 1, is silent in 1"
    )
    text = "\n".join(words.shown(bad, Path("runs/x y")))
    assert text.index("loses") < text.index("hil replay auto/kms@C_WrapKey.5-after/theirs --run 'runs/x y'")
    assert json.loads(json.dumps([line.record() for line in bad]))[0]["stage"] == "some rows rewrapped"
