"""Whether crash states that count as equal are equal: the second deaths that were given to merged crashes.

At depth 2 one crash stands for all that reach its crash state (a target says what makes two
equal), and only its recovery is struck at every point. Some of the others get a second death all the same, at
a point of that recovery. Each of these has to end as the one that stands for it did: the same verdict, keys,
commands and rules. Not compared: their traces, which begin with different faults.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from hil.model.faults import Fault, FaultKind
from hil.model.procedure import ProcedureKind
from hil.model.scenario import Result

DEPTH = 2
Key = tuple[str, tuple[Fault, ...]]


@dataclass(frozen=True)
class Merging:
    """``crashes`` of depth 1 fall into ``states``, from which ``deep`` scenarios of depth 2 follow.

    ``sampled`` of these begin with a crash that was merged, and ``differ`` are ids of those that ended
    otherwise than the one that stands for it. ``state_based`` follow the state-based rule. ``spared``: ids of
    crashes that stand for a crash state and have a recovery which was never struck, though the plan is whole.
    """

    crashes: int
    states: int
    deep: int
    sampled: int
    state_based: int
    differ: tuple[str, ...] = ()
    spared: tuple[str, ...] = ()

    @property
    def doubtful(self) -> bool:
        """Whether depth 2 is not what it says."""
        return bool(self.differ or self.spared)

    def __str__(self) -> str:
        return (
            f"depth 2: {self.crashes} crashes are {self.states} crash states, {self.deep} scenarios follow, "
            f"{self.state_based} of them by the state-based rule; {self.sampled} begin with a crash that was "
            f"merged, and {self.sampled - len(self.differ)} of these ended as the one that stands for it"
        )

    def record(self) -> dict[str, Any]:
        """Return the field ``merged`` of campaign.json."""
        return asdict(self) | {"differ": list(self.differ), "spared": list(self.spared)}

    @classmethod
    def from_record(cls, value: dict[str, Any]) -> Self:
        """Read what ``record`` returned."""
        ids = {name: tuple(value.get(name, ())) for name in ("differ", "spared")}
        return cls(**value | ids)


def merging(results: Sequence[Result], *, whole: bool) -> Merging | None:
    """Compare results of depth 2; None where there are none.

    ``whole``: whether they are of all that a profile plans, so that every recovery has to have been struck.
    """
    deep = [result for result in results if len(result.scenario.faults) == DEPTH]
    if not deep:
        return None
    crashes = [result for result in results if _is_crash(result)]
    stands = _stands(crashes)
    documented = [result for result in deep if result.kind == ProcedureKind.DOCUMENTED]
    by_key = {_key(result): result for result in documented}
    pairs = list(_pairs(documented, by_key, stands))
    return Merging(
        crashes=len(stands),
        states=len(set(stands.values())),
        deep=len(deep),
        sampled=len(pairs),
        state_based=len(deep) - len(documented),
        differ=tuple(one.scenario.id for one, other in pairs if other is None or _end(one) != _end(other)),
        spared=tuple(_spared(crashes, stands, by_key)) if whole else (),
    )


def _is_crash(result: Result) -> bool:
    faults = result.scenario.faults
    kills = len(faults) == 1 and faults[0].kind is FaultKind.KILL
    return kills and result.kind == ProcedureKind.DOCUMENTED and bool(result.state)


def _stands(crashes: Iterable[Result]) -> dict[Key, Key]:
    """Return which crash stands for each: the first of the plan with that crash state."""
    firsts: dict[str, Key] = {}
    return {_key(crash): firsts.setdefault(crash.state, _key(crash)) for crash in crashes}


def _pairs(
    documented: Iterable[Result], by_key: dict[Key, Result], stands: dict[Key, Key]
) -> Iterator[tuple[Result, Result | None]]:
    """Yield each second death after a merged crash, and the same one after the crash that stands for it."""
    for result in documented:
        flow, (first, second) = _key(result)
        begins = flow, (first,)
        if (stand := stands.get(begins, begins)) != begins:
            yield result, by_key.get((flow, (*stand[1], second)))


def _spared(crashes: Iterable[Result], stands: dict[Key, Key], deep: Iterable[Key]) -> Iterator[str]:
    """Yield the crashes that stand for others and had something to recover, and no second death."""
    struck = {(flow, faults[:1]) for flow, faults in deep}
    for crash in crashes:
        key = _key(crash)
        if stands[key] == key and crash.recovery and key not in struck:
            yield crash.scenario.id


def _key(result: Result) -> Key:
    return result.scenario.flow, result.scenario.faults


def _end(result: Result) -> tuple[object, ...]:
    return result.verdict, result.outcome, result.keys, result.messages, result.recovery, result.rules
