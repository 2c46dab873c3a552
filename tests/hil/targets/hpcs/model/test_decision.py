"""The decision table: rows, and the three things that are verified of it."""

import pytest

from hil.model.procedure import ProcedureKind
from hil.model.verdicts import Verdict
from hil.targets.hpcs.model.decision import Seen, action, table
from hil.targets.hpcs.model.registers import Promotion
from hil.targets.hpcs.model.rivals import rivals
from hil.targets.hpcs.model.rules import ASK
from hil.targets.hpcs.model.standing import Extent
from tests.hil.model.cells import COMMITTED, HALF, cell

LOST = Verdict.DATA_LOST
EARLY = cell("auto/tke@generate.1-after/documented", "auto-mk-rotate", units="C/- C/- C/N1?")
LATER = cell("auto/unit1@commit.1-after/documented", "auto-mk-rotate", units=COMMITTED, ended="other")
ONE = cell(
    "auto/tke@setimm.1-after/documented",
    "cryptounit-mks",
    "cryptounit-rm 1",
    "cryptounit-mk-setimm",
    units=HALF,
    shown="12",
    shut=True,
    rule="some promoted",
)
BLIND = cell(
    "auto/tke@message2.1-after+gone/documented",
    "auto-mk-rotate",
    units=COMMITTED,
    rows=(0, 12, 0),
    shut=True,
    verdict=LOST,
    lost=8,
)
BY_STATE = cell(
    "auto/tke@message2.1-after+gone/state-based",
    "login",
    "cryptounits",
    "cryptounit-add 1 2 3",
    "cryptounit-mks",
    "rotation-status",
    "cryptounit-mk-rotate",
    units=COMMITTED,
    rows=(0, 12, 0),
    shut=True,
    kind="state-based",
    rule="NEW ready everywhere",
)


def test_rows() -> None:
    """What looks the same to the operator is one row, with all that may have ended the command."""
    first, second = table([EARLY, LATER, ONE], ProcedureKind.DOCUMENTED).rows
    assert first.seen == Seen("auto", "auto-mk-rotate", (False, False))
    assert (first.errors, first.action, first.states) == (("none", "other"), ("auto-mk-rotate",), 2)
    assert (first.verdicts, first.example) == ({Verdict.RECOVERED: 2}, EARLY["id"])
    assert second.seen == Seen("auto", "auto-mk-rotate", (True, True), Promotion.SOME)
    assert second.action == ("cryptounit-rm …", "cryptounit-mk-setimm")


def test_verified() -> None:
    """Total, disjoint and safe where every crash state has one action that keeps every key."""
    verified = table([EARLY, LATER, ONE], ProcedureKind.DOCUMENTED)
    assert (verified.total, verified.disjoint, verified.safe) == (True, True, True)
    assert (verified.played, verified.reached) == (3, 3)


@pytest.mark.parametrize(
    ("record", "holds"),
    [
        (
            cell("auto/tke@setimm.2-after/documented", units=HALF, rule="", stuck="no rule for it"),
            (False, True, True),
        ),
        (
            cell("auto/tke@setimm.2-after/rerun", units=HALF, shown="12", kind="forbidden"),
            (False, True, True),
        ),
        (
            cell("auto/tke@x.2-after/documented", units=HALF, rule="", stuck="ambiguous: 'a', 'b'"),
            (False, False, True),
        ),
        (cell("auto/tke@x.2-after/documented", units="C/- C/- C/N1?", rule="another"), (True, False, True)),
        (cell("auto/tke@setimm.2-after/documented", units=HALF, verdict=LOST), (True, True, False)),
        (BLIND, (True, True, True)),
        (
            cell("auto/tke@setimm.2-after/documented", units=HALF, verdict=Verdict.NOT_FIRED),
            (True, True, True),
        ),
        (cell("auto/tke@setimm.2-after/documented", units=HALF, ended="ok", rule=""), (True, True, True)),
    ],
    ids=[
        "no answer",
        "never tried",
        "two match",
        "two rules",
        "lost",
        "lost blindly",
        "void",
        "not broken off",
    ],
)
def test_violations(record: dict[str, object], holds: tuple[bool, bool, bool]) -> None:
    """Each property is broken by one result, whose id is told; losses of a blinded operator stand apart."""
    verified = table([EARLY, record], ProcedureKind.DOCUMENTED)
    assert (verified.total, verified.disjoint, verified.safe) == holds
    told = {
        *verified.unanswered,
        *verified.unlike,
        *verified.ambiguous,
        *verified.unsafe,
        *verified.blinded,
    }
    assert told <= {record["id"]}
    assert bool(verified.blinded) is (record is BLIND)


def test_a_crash_state_that_looks_like_another() -> None:
    """Where only a control was played, there is an action if the state looks like one that was tried."""
    control = cell("auto/tke@import.1-after/setimm-different-keys", units="C/N1? C/- C/N1?", kind="forbidden")
    verified = table([EARLY, control], ProcedureKind.DOCUMENTED)
    assert (verified.played, verified.reached, verified.total) == (1, 2, True)
    other = cell("auto/tke@import.1-after/setimm-different-keys", ended="token", kind="forbidden")
    assert table([EARLY, other], ProcedureKind.DOCUMENTED).unlike == (other["id"],)


def test_by_state() -> None:
    """Of a procedure that asks the state, a row is what the state was, not what the terminal had shown."""
    (row,) = table([BY_STATE, EARLY], ProcedureKind.STATE_BASED).rows
    assert row.seen == Seen("auto", promotion=Promotion.NONE, rows=Extent.ALL)
    assert row.seen.words == ("auto", "", "", "", "none", "all")
    assert row.action == ("cryptounit-mk-rotate",)


def test_asking_is_an_answer() -> None:
    """A rule that says to stop and ask is an action like others."""
    asked = cell(
        "auto/tke@x.1-after/state-based",
        "login",
        "cryptounit-mks",
        kind="state-based",
        rule="apart",
        stuck="stop and ask a human: apart",
        verdict=Verdict.STUCK,
    )
    verified = table([asked], ProcedureKind.STATE_BASED)
    assert verified.rows[0].action == (ASK,)
    assert verified.total


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (("login", "auto-mk-rotate"), ("login", "auto-mk-rotate")),
        (("cryptounit-mks",), ()),
        (
            ("cryptounit-mks", "cryptounit-rm 1 2", "cryptounit-mk-setimm"),
            ("cryptounit-rm …", "cryptounit-mk-setimm"),
        ),
        (
            ("login", "rotation-status", "cryptounit-mk-load", "login", "rotation-status"),
            ("cryptounit-mk-load",),
        ),
        (("cryptounit-mk-setimm", "cryptounit-mks", "cryptounit-mk-setimm"), ("cryptounit-mk-setimm",)),
    ],
)
def test_action(typed: tuple[str, ...], expected: tuple[str, ...]) -> None:
    """An action is what was typed between looks; numbers of units are no part of it."""
    assert action(typed) == expected


def test_rivals() -> None:
    """Two rules differ where they did different things, or to a different end, in one crash state."""
    (one,) = rivals([BLIND, BY_STATE, EARLY, ONE])
    assert one.documented == (("auto-mk-rotate",), "DATA_LOST")
    assert one.state_based == (("cryptounit-mk-rotate",), "RECOVERED")
    assert (one.states, one.example) == (1, BLIND["id"])
