"""The twin: what the documents say of commands, and what stays true whatever is typed and killed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hil.model.verdicts import Verdict
from hil.targets.hpcs.model.standing import Extent
from hil.targets.hpcs.model.twin.agreement import agreement, compare
from hil.targets.hpcs.model.twin.commands import COMMANDS, run
from hil.targets.hpcs.model.twin.crashes import UnreadableState, read
from hil.targets.hpcs.model.twin.instance import OLD, PARTS, TwinInstance, TwinUnit
from hil.targets.hpcs.model.twin.predict import Prediction, predict

ROWS = 12


def instance(operational: int = 2, recovery: int = 1, failover: int = 0) -> TwinInstance:
    """Make an instance before its rotation, with all units selected."""
    types = ["OPERATIONAL"] * operational + ["RECOVERY"] * recovery + ["FAILOVER"] * failover
    units = tuple(TwinUnit(number, kind) for number, kind in enumerate(types, start=1))
    return TwinInstance(units, ((OLD, ROWS),), tuple(unit.number for unit in units))


def committed(**rows: int) -> TwinInstance:
    """All NEW registers committed, message 1 shown, and rows under these keys."""
    whole = instance()
    units = tuple(replace(unit, new="N1", committed=True) for unit in whole.units)
    counts = tuple(sorted(rows.items()))
    return replace(whole, units=units, rows=counts, target="N1", made=1, shown=frozenset({1}))


def only(crash: TwinInstance, *lines: str) -> Prediction:
    """Return the one prediction that there is without a kill."""
    (prediction,) = predict(crash, lines)
    return prediction


@pytest.mark.parametrize(
    "lines",
    [
        ("auto-mk-rotate",),
        ("cryptounit-mk-load", "cryptounit-mk-commit", "cryptounit-mk-rotate"),
        ("auto-mk-rotate", "auto-mk-rotate"),
    ],
)
def test_rotations(lines: tuple[str, ...]) -> None:
    """Both flows end with every row readable, one new key everywhere, and workloads let in."""
    assert only(instance(3, 2, 1), *lines) == Prediction(Verdict.RECOVERED, Extent.NONE, Extent.NONE)


@pytest.mark.parametrize(
    ("rows", "unreadable"), [({"C": 8, "N1": 4}, Extent.SOME), ({"N1": ROWS}, Extent.ALL)]
)
def test_rerun_after_message_1(rows: dict[str, int], unreadable: Extent) -> None:
    """The forbidden rerun clears the only copies of the key that rows are under, and then is refused."""
    prediction = only(committed(**rows), "auto-mk-rotate")
    assert prediction == Prediction(Verdict.DATA_LOST, unreadable, unreadable, broken=("auto-mk-rotate",))


def test_rerun_in_the_delay() -> None:
    """The same rerun loses nothing where no row has been rewrapped yet: the message alone does not tell."""
    assert only(committed(C=ROWS), "auto-mk-rotate").verdict is Verdict.RECOVERED


def test_set_immediate_before_the_rewrap() -> None:
    """Promotion erases the old key from every unit, so rows that are still under it are gone."""
    prediction = only(committed(C=8, N1=4), "cryptounit-mk-setimm")
    assert (prediction.verdict, prediction.gone) == (Verdict.DATA_LOST, Extent.SOME)


@pytest.mark.parametrize("line", ["cryptounit-mk-rotate", "cryptounit-mk-setimm"])
def test_partly_promoted(line: str) -> None:
    """In a partly promoted set both are refused without effect; set immediate works after deselecting."""
    half = run(committed(N1=ROWS), "cryptounit-mk-setimm").states[1]
    assert only(half, line) == replace(only(half), refused=(line,))
    done = only(half, line, "cryptounit-rm 1", "cryptounit-mk-setimm")
    assert (done.verdict, done.refused) == (Verdict.RECOVERED, (line,))


def test_clear_taken_for_zeroize() -> None:
    """Zeroizing the promoted units leaves the key in the others' NEW: unreadable here and now, not gone."""
    half = run(committed(N1=ROWS), "cryptounit-mk-setimm").states[1]
    deselected = ("cryptounit-rm 2 3", "cryptounit-zeroize")
    prediction = only(half, *deselected)
    assert (prediction.unreadable, prediction.gone) == (Extent.ALL, Extent.NONE)
    everything = only(committed(N1=ROWS), "cryptounit-mk-setimm", "cryptounit-zeroize")
    assert everything.gone is Extent.ALL


def test_recover_from_a_stale_recovery_unit() -> None:
    """The old key comes back over promoted units, and every row is unreadable although nothing is gone."""
    at = run(committed(N1=ROWS), "cryptounit-mk-setimm").states[2]
    assert [unit.current for unit in at.units] == ["N1", "N1", OLD]
    prediction = only(at, "auto-mk-recover")
    assert (prediction.verdict, prediction.unreadable, prediction.gone) == (
        Verdict.STUCK,
        Extent.ALL,
        Extent.NONE,
    )


def test_a_kill_may_fall_anywhere() -> None:
    """A killed command ends at any of its steps, and a last command that ended well at its end only."""
    crash = committed(C=ROWS)
    ways = predict(crash, ["cryptounit-mk-rotate"], kills=1, ended=False)
    assert {way.verdict for way in ways} == {Verdict.RECOVERED, Verdict.STUCK}
    assert predict(crash, ["cryptounit-mk-rotate"], kills=1) == predict(crash, ["cryptounit-mk-rotate"])


def test_key_parts_cannot_be_loaded_twice() -> None:
    """The same parts make the same key, which a unit refuses that holds it."""
    rotated = run(run(instance(), "cryptounit-mk-load").end, "cryptounit-mk-commit").end
    rotated = run(rotated, "cryptounit-mk-rotate").end
    assert {unit.current for unit in rotated.units} == {PARTS}
    assert run(rotated, "cryptounit-mk-load").refused


class Anything(RuleBasedStateMachine):
    """Commands in any order, each run to its end or killed at any of its steps."""

    at: TwinInstance

    @initialize(operational=st.integers(1, 3), recovery=st.integers(1, 2), failover=st.integers(0, 1))
    def begin(self, operational: int, recovery: int, failover: int) -> None:
        """Begin with an instance before its rotation."""
        self.at = instance(operational, recovery, failover)

    @rule(
        command=st.sampled_from(sorted(COMMANDS)),
        numbers=st.sets(st.integers(1, 6)),
        killed=st.none() | st.integers(0, 40),
    )
    def type(self, command: str, numbers: set[int], killed: int | None) -> None:
        """Type a command; what it asks numbers for gets some, it may be killed, and its steps are atomic."""
        words = sorted(numbers) if command in {"cryptounit-add", "cryptounit-rm"} else []
        ran = run(self.at, " ".join([command, *map(str, words)]))
        for one, next_ in zip(ran.states, ran.states[1:], strict=False):
            changed = sum(left != right for left, right in zip(one.units, next_.units, strict=True))
            assert changed <= 1, "a step changes two units"
            assert not changed or one.rows == next_.rows, "a step changes a unit and rows"
        if command.startswith("cryptounit-") and command.endswith(("-setimm", "-rotate")) and ran.refused:
            assert ran.untouched or self._refused_by_the_kms(ran.refused), "a refusal had an effect"
        self.at = ran.states[min(killed, len(ran.states) - 1)] if killed is not None else ran.end

    def _refused_by_the_kms(self, why: str) -> bool:
        return "in no register" in why

    @invariant()
    def rows_are_kept(self) -> None:
        """No command drops or adds a row."""
        assert sum(count for _, count in self.at.rows) == ROWS

    @invariant()
    def a_row_without_its_key_is_told(self) -> None:
        """A row whose key is in no register is a loss, whatever else holds."""
        prediction = only(self.at)
        if any(key not in self.at.held for key, _ in self.at.rows):
            assert prediction.verdict is Verdict.DATA_LOST
            assert prediction.gone is not Extent.NONE
        else:
            assert prediction.gone is Extent.NONE

    @invariant()
    def recovered_is_never_said_lightly(self) -> None:
        """RECOVERED means that each row is under the one key that all units hold."""
        if only(self.at).verdict is Verdict.RECOVERED:
            (key,) = {unit.current for unit in self.at.units}
            assert self.at.rows == ((key, ROWS),)


TestAnything = Anything.TestCase
TestAnything.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


STATE = "auto auto-mk-rotate other messages 1 | 1:C/N1 2:C/N1 3:C/N1 | rows 8+4+0 | shut | selected 1,2,3"


def record(**fields: object) -> Mapping[str, Any]:
    """A result that died in the rewrap and was recovered as documented."""
    types = ("OPERATIONAL", "OPERATIONAL", "RECOVERY")
    return {
        "id": "auto/kms@C_WrapKey.7-after/documented",
        "procedure": "documented",
        "faults": [{"kind": "kill"}],
        "state": STATE,
        "state_at_crash": {"units": [{"number": at, "type": kind} for at, kind in enumerate(types, 1)]},
        "recovery": ["cryptounit-mk-rotate"],
        "stuck": "",
        "verdict": "RECOVERED",
        "keys": {"total": 8, "readable": 8},
    } | fields


def test_reading_a_crash_state() -> None:
    """The name of a crash state is read back as the instance that it describes."""
    crash = read(record())
    assert (crash.flow, crash.command, crash.ended) == ("auto", "auto-mk-rotate", "other")
    assert crash.instance == replace(committed(C=8, N1=4))


def test_rows_of_a_partly_promoted_set() -> None:
    """Where a unit is promoted, rows under CURRENT are under the new key: the rewrap came before."""
    state = STATE.replace("1:C/N1 2", "1:N1/- 2").replace("8+4+0", "12+0+0")
    assert read(record(state=state)).instance.rows == (("N1", 12),)
    parts = state.replace("auto auto-mk-rotate", "parts cryptounit-mk-rotate")
    assert read(record(state=parts)).instance.rows == ((PARTS, 12),)


def test_a_state_of_another_form_is_not_guessed_at() -> None:
    """A name that is not understood raises, and counts as a difference."""
    odd = record(state=STATE.replace("shut", "ajar"))
    with pytest.raises(UnreadableState):
        read(odd)
    assert agreement([odd]).record() == {"cells": 1, "agree": 0, "differ": [odd["id"]]}


def test_agreement() -> None:
    """A cell is a crash state and a procedure; it agrees when each of its results does."""
    lost = record(
        id="auto/kms@C_WrapKey.7-after/rerun",
        recovery=["auto-mk-rotate"],
        verdict="DATA_LOST",
        keys={"total": 8, "readable": 5},
    )
    void = record(verdict="NOT_FIRED", id="auto/tke@setimm.9-after/documented")
    seen = agreement([record(), record(id="auto/unit1@C_WrapKey.7-after/documented"), lost, void])
    assert seen.record() == {"cells": 2, "agree": 2, "differ": []}


@pytest.mark.parametrize(
    "fields",
    [
        {"verdict": "STUCK"},
        {"verdict": "DATA_LOST", "keys": {"total": 8, "readable": 5}},
        {"recovery": ["auto-mk-rotate"]},
        {"recovery": ["cryptounit-unheard-of"]},
        {"recovery": []},
        {"stuck": "no rule for it"},
    ],
    ids=["stuck", "lost", "spared", "unknown command", "nothing done", "no answer"],
)
def test_differences(fields: dict[str, object]) -> None:
    """A verdict or a count of keys that does not follow from what was typed is a difference, with its id."""
    different = record(**fields)
    assert agreement([different]).record()["differ"] == [different["id"]]


HALF = STATE.replace("1:C/N1 2", "1:N1/- 2").replace("8+4+0", "12+0+0").replace("messages 1", "messages 12")


@pytest.mark.parametrize(("outcome", "fits"), [("REFUSED", True), ("PRESERVED", False)])
def test_refusals(outcome: str, fits: bool) -> None:  # noqa: FBT001 - a column of the table
    """A wrong step that did no harm has to be one that was refused, where a refusal is predicted."""
    lines = [
        "cryptounit-mks",
        "cryptounit-mk-rotate",
        "cryptounit-mks",
        "cryptounit-rm 1",
        "cryptounit-mk-setimm",
    ]
    cell = record(state=HALF, procedure="misread", recovery=lines, outcome=outcome)
    assert (compare(cell) is None) is fits


@pytest.mark.parametrize(("gone", "fits"), [(0, True), (3, False)])
def test_keys_that_are_gone(gone: int, fits: bool) -> None:  # noqa: FBT001 - a column of the table
    """Unreadable is not gone: keys are counted as such only where no register has their master key."""
    keys = {"total": 8, "readable": 0, "gone": gone}
    lines = ["cryptounit-rm 2 3", "cryptounit-zeroize"]
    cell = record(
        state=HALF, procedure="forbidden", recovery=lines, outcome="STUCK", verdict="STUCK", keys=keys
    )
    assert (compare(cell) is None) is fits


def test_one_row_can_be_all_of_the_keys() -> None:
    """A key is lost with any of its rows, so all keys may be gone with some rows; none may not."""
    lost = {"recovery": ["auto-mk-rotate"], "verdict": "DATA_LOST"}
    assert compare(record(**lost, keys={"total": 8, "readable": 0})) is None
    assert compare(record(**lost, keys={"total": 8, "readable": 8})) is not None
