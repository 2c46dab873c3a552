"""Findings: claims are judged by results alone, and each word that can be said is said of some results."""

from typing import Any

import pytest

from hil.model.outcome import Outcome
from hil.model.verdicts import Verdict
from hil.targets.hpcs.report.claims import PREDICATES, page
from hil.targets.hpcs.report.findings import Word, findings
from tests.hil.model.cells import COMMITTED, DONE, HALF, cell

LOOK, SETIMM, ROTATE, AUTO = (
    "cryptounit-mks",
    "cryptounit-mk-setimm",
    "cryptounit-mk-rotate",
    "auto-mk-rotate",
)
SOME: dict[str, Any] = {"units": HALF, "shown": "12", "shut": True}
LEFTOVER: dict[str, Any] = {"units": "C/N1? C/- C/N1?"}
MESSAGE_1: dict[str, Any] = {"units": COMMITTED, "shown": "1"}
STUCK, LOST = Verdict.STUCK, Verdict.DATA_LOST
DESELECTED = cell("auto/tke@setimm.1-after/documented", LOOK, "cryptounit-rm 1", SETIMM, **SOME)
RERUN = cell("auto/tke@import.1-after/documented", AUTO, **LEFTOVER)
RESUMED = cell("auto/tke@message1.1-after/documented", ROTATE, **MESSAGE_1)
UNDER_WAY = cell("auto/kms@C_WrapKey.7-after/documented", ROTATE, rows=(8, 4, 0), shut=True, **MESSAGE_1)
FINISHED = cell("auto/kms@rewrap.1-after/documented", ROTATE, rows=(0, 12, 0), shut=True, **MESSAGE_1)
EXPIRED = cell("auto/kms@instance.1-before+error.401/documented", "login", AUTO, ended="token")
TOKEN_FIRST = cell(
    "auto/kms@rewrap.1-after+error.401/token-first",
    *("login", AUTO),
    rows=(0, 12, 0),
    ended="token",
    shut=True,
    kind="misread",
    verdict=LOST,
    lost=8,
    **MESSAGE_1,
)

C, OK, NO = Word.CONTRADICTED, Word.CONFIRMED, Word.NOT_EXERCISED
JUDGED: list[tuple[int, Word, list[dict[str, Any]]]] = [
    (1, C, [DESELECTED]),
    (1, OK, [DESELECTED | {"verdict": "STUCK"}]),
    (1, NO, [RERUN, RESUMED]),
    (2, C, [DESELECTED]),
    (2, NO, [RERUN]),
    (3, OK, [DESELECTED]),
    (
        3,
        C,
        [cell("auto/tke@setimm.1-after/documented", LOOK, stuck=f"{LOOK} ended with exit code 64", **SOME)],
    ),
    (4, OK, [RERUN]),
    (4, C, [RERUN | {"verdict": "DATA_LOST"}]),
    (4, NO, [cell("auto/tke@query.1-before/documented", AUTO)]),
    (5, C, [RESUMED]),
    (5, OK, [UNDER_WAY, FINISHED]),
    (5, C, [UNDER_WAY, RESUMED]),
    (6, C, [FINISHED, UNDER_WAY]),
    (6, OK, [UNDER_WAY]),
    (7, C, [cell("auto/tke@message2.1-after+gone/documented", AUTO, units=COMMITTED, verdict=LOST, lost=8)]),
    (7, OK, [cell("auto/tke@message1.1-after+gone/documented", AUTO, units=COMMITTED)]),
    (7, NO, [DESELECTED, RERUN, FINISHED]),
    (8, C, [RERUN]),
    (8, NO, [cell("auto/tke@commit.3-after/documented", AUTO, units=COMMITTED)]),
    (8, OK, [cell("auto/tke@import.1-after/documented", AUTO, ended="precheck", verdict=STUCK, **LEFTOVER)]),
    (9, OK, [DESELECTED]),
    (9, C, [DESELECTED, DESELECTED | {"verdict": "STUCK", "id": "auto/tke@setimm.2-after/documented"}]),
    (10, OK, [EXPIRED]),
    (
        10,
        C,
        [EXPIRED, cell("auto/unit1@commit.1-after+error.401/documented", AUTO, ended="token", **LEFTOVER)],
    ),
    (10, NO, [RERUN]),
    (11, C, [FINISHED]),
    (11, OK, [cell("auto/tke@x.1-after/documented", AUTO, units="C/N1? C/N1 C/N1", rows=(8, 4, 0))]),
    (11, NO, [RESUMED]),
    (12, C, [TOKEN_FIRST]),
    (12, OK, [TOKEN_FIRST | {"verdict": "RECOVERED"}]),
    (12, NO, [EXPIRED, FINISHED]),
]


@pytest.mark.parametrize(("number", "word", "records"), JUDGED)
def test_words(number: int, word: Word, records: list[dict[str, Any]]) -> None:
    """What is said of a claim follows from results, and without any of them nothing is said."""
    finding = findings(records)[number - 1]
    assert (finding.number, finding.word) == (number, word)
    assert bool(finding.evidence) is (word is not NO)


def test_nothing_is_said_without_results() -> None:
    """A campaign that shows nothing exercises no claim: no word is written beforehand."""
    void = cell("auto/tke@setimm.9-after/documented", verdict=Verdict.NOT_FIRED, **SOME)
    for found in (findings([]), findings([void])):
        assert {finding.word for finding in found} == {NO}
        assert not any(finding.evidence for finding in found)


def test_controls_stand_beside() -> None:
    """A misreading decides no claim; how it ended stands beside what does."""
    literal = cell(
        "auto/tke@setimm.1-after/clear-as-zeroize",
        LOOK,
        "cryptounit-rm 2 3",
        "cryptounit-zeroize",
        kind="misread",
        verdict=STUCK,
        outcome=Outcome.STUCK,
        **SOME,
    )
    refused = cell(
        "auto/tke@setimm.1-after/rotate-when-partly-promoted",
        LOOK,
        ROTATE,
        LOOK,
        "cryptounit-rm 1",
        SETIMM,
        kind="misread",
        outcome=Outcome.REFUSED,
        **SOME,
    )
    found = findings([literal, refused])
    assert found[0].word is NO
    assert [dict(one.ended) for one in found[0].evidence] == [{"STUCK": 1}]
    assert found[8].word is NO
    assert [one.shows for one in found[8].evidence] == [
        "`cryptounit-mk-rotate` there was refused without effect"
    ]


def test_evidence_leads_to_the_simplest_scenario() -> None:
    """The id that stands for others has the fewest faults."""
    deep = DESELECTED | {"id": "auto/tke@m.1-after~tke@s.1-after/documented"}
    (evidence, *_) = findings([deep, DESELECTED])[0].evidence
    assert evidence.ids == (DESELECTED["id"], deep["id"])


def test_the_page_as_data() -> None:
    """The twelve claims are numbered through, branches name claims that there are, no predicate is idle."""
    branches, claims = page()
    assert [claim.number for claim in claims] == list(range(1, 13))
    assert {number for branch in branches for number in branch.claims} == set(range(1, 13))
    exhibits = (one for claim in claims for one in (claim.against, claim.bears_out, *claim.beside))
    assert {one.of for one in exhibits} == set(PREDICATES.values())


def test_all_promoted_is_no_partial_promotion() -> None:
    """Where every unit is promoted, nothing is said of a partly promoted set."""
    done = cell("auto/tke@setimm.3-after/documented", LOOK, units=DONE, shown="12", rule="all promoted")
    assert findings([done])[8].word is NO


def test_a_procedure_from_outside_says_nothing_about_the_page() -> None:
    """What a vendor's procedure did is no evidence on the page's claims, and alone it makes no findings."""
    theirs = DESELECTED | {"id": "auto/tke@setimm.1-after/theirs"}
    assert findings([theirs]) == ()
    assert findings([theirs, RERUN]) == findings([RERUN])
