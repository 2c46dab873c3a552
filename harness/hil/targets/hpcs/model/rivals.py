"""Two rules in the same crash states: the page's, and the one that asks the state. Where do they differ?"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hil.model.procedure import ProcedureKind
from hil.targets.hpcs.model.decision import broke_off, did

Record = Mapping[str, Any]
Side = tuple[tuple[str, ...], str]  # what was typed, and the verdict


@dataclass(frozen=True)
class Rivalry:
    """One way in which they differ: what each of them did, how that ended, in how many crash states."""

    documented: Side
    state_based: Side
    states: int
    example: str


def rivals(records: Iterable[Record]) -> tuple[Rivalry, ...]:
    """Return where the two rules did different things, or to a different end, in one crash state."""
    sides: dict[str, dict[str, tuple[Side, str]]] = defaultdict(dict)
    for record in records:
        if broke_off(record) and len(record["faults"]) == 1:
            sides[record["state"]].setdefault(record["procedure"], (_side(record), record["id"]))
    pairs: Counter[tuple[Side, Side]] = Counter()
    examples: dict[tuple[Side, Side], str] = {}
    for found in sides.values():
        if not {ProcedureKind.DOCUMENTED, ProcedureKind.STATE_BASED} <= found.keys():
            continue
        (one, name), (other, _) = found[ProcedureKind.DOCUMENTED], found[ProcedureKind.STATE_BASED]
        if one != other:
            pairs[one, other] += 1
            examples.setdefault((one, other), name)
    return tuple(Rivalry(*pair, states, examples[pair]) for pair, states in pairs.items())


def _side(record: Record) -> Side:
    return did(record), str(record["verdict"])
