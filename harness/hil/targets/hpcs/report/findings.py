"""Findings: each claim of the page, and what the results of a campaign say to it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hil.report.case import Case, cases
from hil.targets.hpcs.operator import load
from hil.targets.hpcs.report.claims import Claim, Exhibit, page


class Word(StrEnum):
    """What a campaign says to a claim."""

    CONTRADICTED = "contradicted"
    CONFIRMED = "confirmed"
    NOT_EXERCISED = "not exercised"  # no result speaks for or against it


@dataclass(frozen=True)
class ClaimEvidence:
    """Results that an exhibit selects: what they show, how they ended, one id of them."""

    shows: str
    ended: Mapping[str, int]
    ids: tuple[str, ...]


@dataclass(frozen=True)
class JudgedClaim:
    """A claim as this campaign leaves it; ``evidence`` holds only what there is."""

    number: int
    says: str
    word: Word
    evidence: tuple[ClaimEvidence, ...]


def findings(records: Iterable[Mapping[str, Any]]) -> tuple[JudgedClaim, ...]:
    """Judge every claim by the records of a campaign.

    What follows a procedure from outside says nothing about the page; where all do, there are no findings.
    """
    known = load.names()
    found = tuple(cases(records))
    ours = tuple(case for case in found if case.procedure in known)
    _, claims = page()
    return tuple(_finding(claim, ours) for claim in claims) if ours or not found else ()


def _finding(claim: Claim, found: Sequence[Case]) -> JudgedClaim:
    """Judge one claim. One result against it is enough; results beside it decide nothing."""
    against, bears_out = _evidence(claim.against, found), _evidence(claim.bears_out, found)
    word = Word.CONTRADICTED if against else Word.CONFIRMED if bears_out else Word.NOT_EXERCISED
    beside = (_evidence(exhibit, found) for exhibit in claim.beside)
    evidence = tuple(one for one in (against, bears_out, *beside) if one)
    return JudgedClaim(claim.number, claim.says, word, evidence)


def _evidence(exhibit: Exhibit, found: Sequence[Case]) -> ClaimEvidence | None:
    chosen = [case for case in found if exhibit.of(case)]
    if not chosen:
        return None
    # Shortest first: an id with one fault is the better one to replay.
    ids = sorted((case.record["id"] for case in chosen), key=lambda name: (name.count("~"), len(name), name))
    return ClaimEvidence(exhibit.shows, Counter(case.result for case in chosen), tuple(ids))
