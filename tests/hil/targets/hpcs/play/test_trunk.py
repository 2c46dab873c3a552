"""What begins alike is played once: the recoveries from its copy are those of a whole play."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from hil.engine import crew
from hil.engine.orders import Order, Task
from hil.model.events import Event
from hil.model.scenario import Scenario
from hil.model.verdicts import Verdict
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.operator import load
from hil.targets.hpcs.play import setup
from hil.targets.hpcs.play.attempt import Account, attempt
from hil.targets.hpcs.play.bench import Bench
from hil.targets.hpcs.play.place import RigPlaces
from hil.targets.hpcs.play.record import compare
from hil.targets.hpcs.play.trunk import CONNECTING, Trunk
from hil.targets.hpcs.rig import layout
from hil.targets.hpcs.rig.golden import Golden
from hil.targets.hpcs.rig.rig import Rig

AFTER_MESSAGE_1 = "auto/tke@message1.1-after"


@dataclass
class Stage:
    """A rig, its golden state, and a trunk."""

    rig: Rig
    golden: Golden
    trunk: Trunk

    def play(self, text: str, *, whole: bool = False, followed: bool = False) -> Account:
        """Play a scenario, from the trunk where it can."""
        scenario = Scenario.parse(text, Verdict.RECOVERED)
        self.trunk.wanted = followed
        trunk = None if whole else self.trunk
        return attempt(self.rig, self.golden, scenario, load.builtin(scenario.procedure), trunk=trunk)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """Processes of the smallest instance."""
    root = layout.scratch("hil-trunk-")
    try:
        bench = Bench("trunk", root, sut.Shape(1, 1, 0, 8), "", root / "evidence")
        golden, _ = setup.prepare(bench, recorded=False)
        rig = bench.rig("w0")
        try:
            yield Stage(rig, golden, Trunk(root / "trunk"))
        finally:
            rig.close()
    finally:
        shutil.rmtree(root, ignore_errors=True)


def told(account: Account) -> Sequence[Event]:
    """The events, without those of a connection that the kms makes anew."""
    return [event for event in account.events if event.name not in CONNECTING]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (AFTER_MESSAGE_1 + "/documented", AFTER_MESSAGE_1 + "/rerun-after-message-1"),
        ("auto/kms@C_WrapKey.6-after/documented", "auto/kms@C_WrapKey.6-after~tke@setimm.1-after/documented"),
        (
            "auto/unit1@setimm.1-after/documented",
            "auto/unit1@setimm.1-after~unit1@setimm.1-before/documented",
        ),
    ],
)
def test_put_back_is_as_if_played(stage: Stage, first: str, second: str) -> None:
    """From a copy, another procedure and a second fault end as they do after the whole rotation."""
    own = stage.play(first, followed=True)
    copied, whole = stage.play(second), stage.play(second, whole=True)
    assert (own.result.trunk, copied.result.trunk, whole.result.trunk) == ("", own.result.scenario.id, "")
    assert compare(told(copied), told(whole)) == []
    for account in (copied, whole):
        assert all(account.result.fired)
        assert account.transcript[0] == own.transcript[0]
    for name in ("verdict", "outcome", "recovery", "rules", "state", "keys", "messages_at_crash"):
        assert getattr(copied.result, name) == getattr(whole.result, name), name


def test_only_the_same_beginning_is_put_back(stage: Stage) -> None:
    """Another fault, another flow or a watch of system calls is another beginning, and is played."""
    stage.play(AFTER_MESSAGE_1 + "/documented", followed=True)
    for text in (
        "auto/tke@message1.1-after~unit1@fsync.1-before/documented",
        "auto/tke@message2.1-after/documented",
        "parts/tke@message2.1-after/documented",
    ):
        assert stage.play(text).result.trunk == ""


def test_fault_that_missed_is_no_beginning(stage: Stage) -> None:
    """Where the first fault does not fire nothing is kept."""
    text = "auto/tke@setimm.99-after/documented"
    assert stage.play(text, followed=True).result.verdict is Verdict.NOT_FIRED
    assert stage.play(text).result.trunk == ""


def test_what_begins_alike_goes_to_one_worker() -> None:
    """Orders are divided into batches that begin alike, the watched ones last, none longer than the limit."""
    texts = [f"auto/tke@commit.1-after~tke@query.{number}-after/documented" for number in range(1, 20)]
    texts += ["auto/tke@commit.1-before/documented", "parts/tke@commit.1-before/documented"]
    texts += [
        f"parts/tke@commit.1-before~{second}-before/documented" for second in ("unit1@fsync.1", "tke@query.1")
    ]
    texts += ["parts/tke@commit.1-after/documented"]
    orders = [
        Order(number, Scenario.parse(text, Verdict.RECOVERED), Task.PLAY) for number, text in enumerate(texts)
    ]
    bench = Bench("", Path(), sut.Shape(), "", Path())
    batches = crew.batches(orders, RigPlaces(bench).set_apart)
    assert [len(batch) for batch in batches] == [crew.BATCH_MAX, 19 - crew.BATCH_MAX, 1, 2, 1, 1]
    assert [order.number for batch in batches for order in batch] == [*range(21), 22, 23, 21]
    followed = [[order.followed for order in batch] for batch in batches[1:]]
    assert followed == [[True, True, False], [False], [True, False], [False], [False]]
