"""Controls: what is played beside the documented recovery, so that a green campaign proves something.

Forbidden and misread steps must end as their authors predict, and the state-based rule must bring every key
back; each from every crash state where a prediction is made. The documented rule itself is a control where
the terminal has lost a message: it is then followed on false evidence.
"""

from collections.abc import Iterable, Iterator, Sequence

from hil.model.outcome import Outcome
from hil.model.procedure import ProcedureKind
from hil.model.scenario import Scenario
from hil.targets.hpcs.emulator import Shape
from hil.targets.hpcs.model import points
from hil.targets.hpcs.model.coverage import CONTROL_KINDS
from hil.targets.hpcs.model.flow import Flow
from hil.targets.hpcs.model.rules import Procedure
from hil.targets.hpcs.model.standing import Extent
from hil.targets.hpcs.operator import load
from hil.targets.hpcs.operator.book import Book
from hil.targets.hpcs.play import moments
from hil.targets.hpcs.play.moments import Moment
from hil.targets.hpcs.play.record import Recording

PAGE, BY_STATE = "documented", "state-based"


def everywhere(recording: Recording, shape: Shape) -> Iterator[Scenario]:
    """Yield every control from every moment, and the page's rule from those at which a message was lost."""
    for moment, procedure in _cells(recording, shape):
        yield _scenario(moment, procedure)
    yield from _blinded(recording, shape)


def typical(recording: Recording, shape: Shape) -> Iterator[Scenario]:
    """Yield every control once for each outcome that it can have, and where a message was lost."""
    seen: set[tuple[object, ...]] = set()
    for moment, procedure in _cells(recording, shape):
        case = (procedure.name, *_case(procedure, moment, procedure.expectation(moment.standing)))
        if case not in seen:
            seen.add(case)
            yield _scenario(moment, procedure)
    yield from _blinded(recording, shape)


def _cells(recording: Recording, shape: Shape) -> Iterator[tuple[Moment, Procedure]]:
    """Yield every control at every moment for which its author predicts an outcome.

    Where the token has expired only those are played that go by it.
    """
    for moment in _moments(recording, shape):
        yield from ((moment, one) for one in procedures() if one.expectation(moment.standing))
    for moment in moments.expired(shape):
        told = (one for one in procedures() if one.asks_for("ended"))
        yield from ((moment, one) for one in told if one.expectation(moment.standing))


def one_of_each(recording: Recording, shape: Shape) -> Iterator[Scenario]:
    """Yield one control of each kind; the wrong steps among them destroy keys."""
    chosen: dict[ProcedureKind, Scenario] = {}
    for moment, procedure in _cells(recording, shape):
        lost = procedure.expectation(moment.standing) is Outcome.LOST
        if lost or procedure.kind is ProcedureKind.STATE_BASED:
            chosen.setdefault(procedure.kind, _scenario(moment, procedure))
    yield from chosen.values()


def procedures() -> Iterable[Procedure]:
    """Return the controls among the procedures that come with the bench."""
    known = [load.builtin(name) for name in load.names()]
    kinds = [kind for kind in ProcedureKind if kind in CONTROL_KINDS]
    return [procedure for kind in kinds for procedure in known if procedure.kind is kind]


def lacking(plan: Iterable[Scenario], promised: Iterable[ProcedureKind], book: Book) -> tuple[str, ...]:
    """Return the kinds of controls that were promised and are not in a plan."""
    there = {book[name].kind for name in {scenario.procedure for scenario in plan}}
    return tuple(sorted(set(promised) - there))


def known(recording: Recording, shape: Shape) -> Sequence[Moment]:
    """Return one crash point for every crash state, those at which a message is lost included."""
    return (*_moments(recording, shape), *moments.blinded(shape, recording[Flow.AUTO]))


def _case(procedure: Procedure, moment: Moment, outcome: Outcome | None) -> tuple[object, ...]:
    """What makes a cell typical: its outcome, or for a rule that has to hold everywhere what it goes by."""
    if procedure.kind is not ProcedureKind.STATE_BASED:
        return (outcome,)
    standing = moment.standing
    return (standing.flow, standing.committed is Extent.ALL, standing.rows, standing.promoted)


def _moments(recording: Recording, shape: Shape) -> Sequence[Moment]:
    rows = points.rows(recording[Flow.AUTO])
    return (*moments.auto(shape, rows), *moments.parts(shape, rows))


def _blinded(recording: Recording, shape: Shape) -> Iterator[Scenario]:
    for moment in moments.blinded(shape, recording[Flow.AUTO]):
        yield from (_scenario(moment, load.builtin(name)) for name in (PAGE, BY_STATE))


def _scenario(moment: Moment, procedure: Procedure) -> Scenario:
    text = f"{moment.standing.flow}/{moment.point}/{procedure.name}"
    return Scenario.parse(text, procedure.verdict(moment.standing))
