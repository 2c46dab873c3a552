"""Rechecking: verdicts given again from stored evidence, by the judging of today. Nothing is played."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from hil.engine import consistency
from hil.engine.errors import BadRunDir
from hil.engine.rundir import Record
from hil.engine.stored import Stored
from hil.model.outcome import Outcome, outcome
from hil.model.scenario import Result
from hil.model.verdicts import Gate, Verdict
from hil.targets.hpcs.model.observation import conclude, judge
from hil.targets.hpcs.play.outcome import of as campaign_outcome


@dataclass(frozen=True)
class Rechecked:
    """All results as they are judged now; ``changes`` are pairs (then, now) whose verdicts differ.

    ``judged``: how many had evidence. The others keep their verdict. ``differences``: where files of the run
    directory contradict each other, in words; then nothing passes, whatever is judged of them.
    """

    results: tuple[Result, ...]
    changes: tuple[tuple[Result, Result], ...]
    judged: int
    gate: Gate
    differences: tuple[str, ...] = ()


def recheck(stored: Stored) -> Rechecked:
    """Judge a run directory again; raises BadRunDir where evidence in it cannot be read."""
    then = [stored.results[number] for number in sorted(stored.results)]
    judged = [_judged(stored, number) for number in sorted(stored.results)]
    now = tuple(new or old for new, old in zip(judged, then, strict=True))
    pairs = zip(then, now, strict=True)
    found = campaign_outcome(stored, list(_records(stored, now)))
    differences = (*consistency.differences(stored), *_counted(then, judged))
    doubtful = differences and found.gate is not Gate.FAIL
    return Rechecked(
        results=now,
        changes=tuple((old, new) for old, new in pairs if old.verdict is not new.verdict),
        judged=sum(new is not None for new in judged),
        gate=Gate.ERROR if doubtful else found.gate,
        differences=differences,
    )


def _counted(then: Sequence[Result], judged: Sequence[Result | None]) -> Iterator[str]:
    """Yield where the oracle saw other keys than the result says, under the same verdict."""
    for old, new in zip(then, judged, strict=True):
        if new and new.verdict is old.verdict and new.keys != old.keys:
            saw, says = (f"{one.keys.readable} of {one.keys.total} keys" for one in (new, old))
            yield f"observation.json: {saw}, results.jsonl has {says}: {old.scenario.id}"


def _judged(stored: Stored, number: int) -> Result | None:
    """Judge one scenario again; None where the oracle never came to look."""
    old = stored.results[number]
    seen = stored.observation(number)
    if seen is None:
        if old.verdict is not Verdict.HARNESS_ERROR and old.came_back:
            folder = stored.scenario_folder(number)
            raise BadRunDir(
                f"{folder} lacks observation.json, from which {old.verdict} was judged; put it back"
            )
        return None
    judgement = judge(seen)
    verdict, findings = conclude(judgement, old.scenario.expected, stuck=old.stuck, fired=old.fired)
    refused = old.outcome is Outcome.REFUSED
    came = outcome(verdict, refused=refused) if old.outcome else None
    return replace(old, verdict=verdict, findings=findings, keys=judgement.keys, outcome=came)


def _records(stored: Stored, now: Sequence[Result]) -> Iterator[Record]:
    """Yield the stored records with what is judged of them now."""
    for number, result in zip(sorted(stored.results), now, strict=True):
        judged = {
            "verdict": str(result.verdict),
            "outcome": result.outcome and str(result.outcome),
            "keys": asdict(result.keys),
        }
        yield stored.records[number] | judged
