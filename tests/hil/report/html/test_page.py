"""The page as text: what it says of campaigns of every sort, and how it keeps within its size."""

from collections.abc import Callable, Mapping
from functools import partial

import pytest

from hil.engine.stored import Stored
from hil.report.html import assets, page
from hil.report.html.detail import detail, marked
from hil.report.html.look import VerdictLook
from hil.report.html.pack import pack
from hil.targets.hpcs.report.rotation import RotationView

Made = Callable[[Mapping[str, str]], Stored]
FIRST = "auto/tke@commit.1-after/documented"
SECOND = "auto/kms@C_WrapKey.6-after/documented"
THIRD = "auto/tke@setimm.1-after/documented"


@pytest.mark.parametrize(
    ("verdict", "gate", "look"),
    [
        ("RECOVERED", "INCONCLUSIVE", VerdictLook.KEPT),
        ("DATA_LOST", "FAIL", VerdictLook.WRONG),
        ("STUCK", "FAIL", VerdictLook.WRONG),
        ("NOT_FIRED", "INCONCLUSIVE", VerdictLook.UNREACHED),
        ("HARNESS_ERROR", "ERROR", VerdictLook.BROKEN),
        ("", "INCONCLUSIVE", VerdictLook.MISSING),
    ],
)
def test_every_end_is_told(made: Made, verdict: str, gate: str, look: VerdictLook) -> None:
    """Whatever way a scenario of an unfinished campaign ended, gate and square say so."""
    stored = made({FIRST: verdict, SECOND: ""})
    text = page.document(stored)
    assert f'<span class="gate">{gate}</span>' in text
    assert f"Unfinished: {1 if verdict else 0} of 2 scenarios have a result." in text
    assert RotationView.of(stored).looks == {1: look, 2: VerdictLook.MISSING}
    assert f'class="c {look.css}" data-n="1" title="{FIRST}: ' in text


def test_every_end_looks_different() -> None:
    """No two ends share a glyph, a class or words."""
    for values in zip(*(look.value for look in VerdictLook), strict=True):
        assert len(set(values)) == len(VerdictLook)


def test_comparison(made: Made) -> None:
    """Against an earlier run the page tells which scenarios end otherwise, and which are new or gone."""
    earlier = made({FIRST: "RECOVERED", SECOND: "RECOVERED"})
    now = made({FIRST: "DATA_LOST", THIRD: "RECOVERED"})
    text = page.document(now, earlier)
    assert "1 of 1 scenarios that both have end otherwise; 1 are new, 1 are gone." in text
    assert "<td>RECOVERED, 8 of 8 keys</td><td>DATA_LOST, 5 of 8 keys</td>" in text
    assert 'id="against"' not in page.document(now)


def test_detail(made: Made) -> None:
    """The detail of a scenario tells claim, replay command, registers with their changes, and rows."""
    campaign = RotationView.of(made({FIRST: "DATA_LOST"}))
    told = detail(campaign, 1)
    assert told["claim"] == (
        "A rotation by recovery crypto units: tke is killed after commit number 1. The operator follows "
        "“documented” (What the page says to do). Predicted: RECOVERED."
    )
    assert told["replay"] == f"hil replay {FIRST} --run {campaign.path}"
    before, crash, after = told["registers"][0]["times"]
    assert before[1] == ["Empty", "", "", False]
    assert crash[1] == ["Full Committed", "bbbbbbbb", "new", True]
    assert after[0] == ["Valid", "aaaaaaaa", "old", False]
    assert after[1] == ["Empty", "", "", True]
    assert told["rows"][1] == ["at the crash", [6, 6, 0]]


def test_marks_of_a_transcript() -> None:
    """Commands, messages in any of their spellings and failures are told apart from other lines."""
    lines = (
        "$ auto-mk-rotate",
        "Delaying 30 seconds to allow server to discover new master key values.",
        "MKS CRK rewrap successful, waiting on cryptounit-mk-setimm",
        "FAILED",
        "not FAILED",
    )
    assert [mark for _, mark in marked(lines)] == ["typed", "message 1", "message 2", "failed", ""]


def test_evidence_may_be_missing(made: Made) -> None:
    """A scenario whose folder is gone, or damaged, still has its claim and its replay command."""
    campaign = RotationView.of(made({FIRST: "DATA_LOST"}))
    (campaign.folder(1) / "observation.json").write_text("{")
    (campaign.folder(1) / "events.jsonl").write_text('{"sequence": 1')
    assert detail(campaign, 1)["claim"]
    for file in campaign.folder(1).iterdir():
        file.unlink()
    campaign.folder(1).rmdir()
    assert detail(campaign, 1)["replay"]
    assert detail(campaign, 1)["transcript"] == []


def test_no_room(made: Made) -> None:
    """What does not fit is counted: nothing disappears without a word."""
    campaign = RotationView.of(made({FIRST: "RECOVERED", SECOND: "DATA_LOST"}))
    packed = pack(campaign, partial(detail, campaign), 0)
    assert (packed.blocks, packed.left_out) == ((), 2)
    whole = pack(campaign, partial(detail, campaign), 100_000)
    assert (whole.bare, whole.left_out) == (0, 0)
    assert sorted(number for numbers, _ in whole.blocks for number in numbers) == [1, 2]
    tight = pack(campaign, partial(detail, campaign), len(whole.blocks[0][1]) + 1)
    assert (len(tight.blocks), tight.bare, tight.left_out) == (1, 2, 0)


def test_what_matters_is_packed_first(made: Made) -> None:
    """A contradiction comes before scenarios that ended well."""
    campaign = RotationView.of(made({FIRST: "RECOVERED", SECOND: "DATA_LOST"}))
    assert pack(campaign, partial(detail, campaign), 100_000).blocks[0][0] == (2, 1)


def test_nothing_from_outside(made: Made) -> None:
    """The page names no address, and its script uses nothing that makes markup or code of text."""
    text = page.document(made({FIRST: "RECOVERED"}))
    policy = assets.policy()
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "http" not in policy
    for address in ("http://", "https://", "url("):
        assert address not in text.replace("http://www.w3.org/2000/svg", "")
    for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("):
        assert sink not in assets.script()
