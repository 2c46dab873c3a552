"""The judgement of a campaign from its records, one for every sort of campaign, finished or not."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hil.model.verdicts import VOID, Gate, Verdict, gate

UNGROUNDED = "ungrounded"  # in a record: why nothing follows from any scenario of this campaign


@dataclass(frozen=True)
class Judged:
    """The gate of a campaign; ``untried``: why no pass can come of it, nothing where one can."""

    gate: Gate
    untried: tuple[str, ...]


def stored(head: Mapping[str, Any]) -> Judged | None:
    """Return what campaign.json says, None where there is none."""
    return Judged(Gate(head["gate"]), tuple(head.get("untried", ()))) if head else None


def judge(
    records: Iterable[Mapping[str, Any]],
    planned: int,
    *,
    faults: bool,
    lost: bool = False,
    reasons: Sequence[str] = (),
    **held: bool,
) -> Judged:
    """Judge ``planned`` scenarios by the records that there are, as they stand in campaign.json.

    ``faults``: whether the plan has any. ``lost``: whether the bench has lost something beside the scenarios.
    ``reasons``: why the rotation is no ground to judge by, where records do not say. ``held`` as in ``gate``.
    """
    seen = list(records)
    pairs = [(Verdict(record["verdict"]), Verdict(record["expected"])) for record in seen]
    if lost:
        pairs.append((Verdict.HARNESS_ERROR, Verdict.RECOVERED))
    baseless = tuple(dict.fromkeys(_ungrounded(seen))) or tuple(reasons)
    untried = () if baseless else tuple(_untried(seen, faults=faults))
    held["controlled"] = held.get("controlled", True) and not untried
    judged = gate(pairs, planned, grounded=not baseless, **held)
    return Judged(judged, baseless or untried)


def _ungrounded(records: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    yield from (record[UNGROUNDED] for record in records if record.get(UNGROUNDED))


def _untried(records: Sequence[Mapping[str, Any]], *, faults: bool) -> Iterator[str]:
    if not faults:
        yield "no scenario of the plan has a fault"
    judged = [record for record in records if Verdict(record["verdict"]) not in VOID]
    if any(not record["keys"]["total"] for record in judged):
        yield "there is no key in the ledger"
