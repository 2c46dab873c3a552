"""Whether the controls of a campaign were played from every crash state that the campaign itself has reached.

A list of crash states that somebody wrote down may miss one. So the standings that the documented scenarios
came to are what counts: for each of them, every control that predicts an outcome there needs a cell.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from hil.model.procedure import CONTROLS, ProcedureKind
from hil.model.scenario import Result
from hil.targets.hpcs.model.evidence import ErrorClass
from hil.targets.hpcs.model.rules import Procedure
from hil.targets.hpcs.model.standing import Standing, standing_of

CONTROL_KINDS = CONTROLS | {ProcedureKind.STATE_BASED}


def outcomes(results: Iterable[Result]) -> Mapping[str, Mapping[str, int]]:
    """Count the outcomes of each control, by the procedure's name."""
    counted: dict[str, Counter[str]] = {}
    for result in results:
        if result.kind in CONTROL_KINDS and result.outcome:
            counted.setdefault(result.scenario.procedure, Counter())[str(result.outcome)] += 1
    return {name: dict(sorted(counts.items())) for name, counts in sorted(counted.items())}


def missing(results: Sequence[Result], controls: Iterable[Procedure]) -> tuple[str, ...]:
    """Return the cells that were not played, in words: a control, and a standing that was reached."""
    reached = [standing for result in results if (standing := standing_of(result)) and _reached(result)]
    return tuple(
        f"{procedure.name} from {_words(standing)}"
        for procedure in controls
        for standing in _told_apart(procedure, reached)
        if procedure.expectation(standing)
        and standing not in _told_apart(procedure, _played(procedure, results))
    )


def _played(procedure: Procedure, results: Iterable[Result]) -> list[Standing]:
    ours = (result for result in results if result.scenario.procedure == procedure.name and result.outcome)
    return [standing for result in ours if (standing := standing_of(result))]


def _told_apart(procedure: Procedure, standings: Iterable[Standing]) -> Collection[Standing]:
    """Return standings, each once; by how a command ended only where the procedure's author asks for it."""
    if procedure.asks_for("ended"):
        return dict.fromkeys(standings)
    return dict.fromkeys(replace(standing, ended=ErrorClass.NONE) for standing in standings)


def _reached(result: Result) -> bool:
    """Whether an operator with an undamaged transcript had to recover from one fault."""
    standing = standing_of(result)
    alone = result.kind is ProcedureKind.DOCUMENTED and len(result.scenario.faults) == 1
    return (
        alone
        and bool(result.rules or result.stuck)
        and standing is not None
        and standing.printed == standing.shown
    )


def _words(standing: Standing) -> str:
    facts = ("loaded", "committed", "rows", "promoted", "printed")
    told = ", ".join(f"{fact} {getattr(standing, fact)}" for fact in facts)
    how = "" if standing.ended is ErrorClass.NONE else f", ended {standing.ended}"
    return f"{standing.flow} {standing.command}: {told}{how}"
