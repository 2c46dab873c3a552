"""Predictions: what is left of the keys when certain commands are typed from a certain crash state."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from hil.model.verdicts import Verdict
from hil.targets.hpcs.model.standing import Extent, extent
from hil.targets.hpcs.model.twin.commands import run
from hil.targets.hpcs.model.twin.instance import OLD, TwinInstance


@dataclass(frozen=True)
class Prediction:
    """What is to be seen afterwards.

    ``unreadable``: rows that not every operational unit reads with CURRENT. ``gone``: rows under a master key
    that is in no register any more. A rewrap is modelled no finer than begun, half done and done, so that no
    more is said of rows than none, some or all. ``refused``: commands that did not start and changed nothing,
    ``broken``: those that did not go on, both in order.
    """

    verdict: Verdict
    unreadable: Extent
    gone: Extent
    refused: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


def predict(
    crash: TwinInstance, lines: Sequence[str], *, kills: int = 0, ended: bool = True
) -> frozenset[Prediction]:
    """Predict what follows from a crash state when ``lines`` are typed.

    ``kills``: how many of the commands may have been killed at a step of the bench's choosing; without one
    there is exactly one prediction. ``ended``: whether the operator stopped because all was done, so that the
    last command cannot be one that was killed.
    """
    return _predicted(crash, tuple(lines), kills, ended)


@lru_cache(maxsize=10_000)  # a campaign reaches few crash states by many crash points
def _predicted(crash: TwinInstance, lines: tuple[str, ...], kills: int, ended: bool) -> frozenset[Prediction]:  # noqa: FBT001
    reached: set[_Way] = {_Way(crash, kills)}
    for place, line in enumerate(lines, start=1):
        safe = ended and place == len(lines)
        reached = {after for way in reached for after in _after(way, line, killable=not safe)}
    return frozenset(_prediction(way) for way in reached)


@dataclass(frozen=True)
class _Way:
    """One way that things may have gone: ``kills`` are still to come."""

    instance: TwinInstance
    kills: int
    refused: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


def _after(way: _Way, line: str, *, killable: bool) -> Iterator[_Way]:
    """Yield where one command may leave the instance: at its end, or where a kill cuts it short."""
    ran = run(way.instance, line)
    if not ran.refused:
        yield replace(way, instance=ran.end)
    elif ran.untouched:
        yield replace(way, instance=ran.end, refused=(*way.refused, line))
    else:
        yield replace(way, instance=ran.end, broken=(*way.broken, line))
    if killable and way.kills:
        yield from (replace(way, instance=state, kills=way.kills - 1) for state in ran.states)


def _prediction(way: _Way) -> Prediction:
    end = way.instance
    rows = sum(count for _, count in end.rows)
    gone = sum(count for key, count in end.rows if key not in end.held)
    verdict = Verdict.DATA_LOST if gone else Verdict.RECOVERED if _whole(end) else Verdict.STUCK
    unreadable = extent(rows - _readable(end), rows)
    return Prediction(verdict, unreadable, extent(gone, rows), way.refused, way.broken)


def _readable(instance: TwinInstance) -> int:
    """Rows that every operational unit reads."""
    currents = {unit.current for unit in instance.operational}
    return instance.under(next(iter(currents))) if len(currents) == 1 else 0


def _whole(instance: TwinInstance) -> bool:
    """Whether the rotation is over: one key, not the old one, NEW empty, all rows readable, workloads in."""
    currents = {unit.current for unit in instance.units}
    return (
        len(currents) == 1
        and not currents & {OLD, None}
        and all(unit.new is None for unit in instance.units)
        and instance.target is None
        and _readable(instance) == sum(count for _, count in instance.rows)
    )
