"""One scenario alone, on an instance of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from hil.model.scenario import Result, Scenario
from hil.targets.hpcs.emulator import Shape
from hil.targets.hpcs.model.standing import standing_of
from hil.targets.hpcs.operator.book import Book
from hil.targets.hpcs.play import benches, setup
from hil.targets.hpcs.play.attempt import Account, attempt
from hil.targets.hpcs.rig.modules.equipment import Equipment

Play = Callable[[Scenario], Account]


@contextmanager
def player(shape: Shape, equipment: Equipment, book: Book) -> Iterator[Play]:
    """Set up an instance and give what plays scenarios on it, as often as one likes; then remove it."""
    with benches.bench(equipment, shape, book=book) as bench:
        golden, _ = setup.prepare(bench, recorded=False)
        rig = bench.rig("replay")
        try:
            yield lambda scenario: attempt(rig, golden, scenario, book[scenario.procedure])
        finally:
            rig.close()


def foretold(result: Result, book: Book) -> Result:
    """Expect what the procedure predicts for the standing that was found, where no plan does."""
    standing = standing_of(result)
    if standing is None:
        return result
    expected = book[result.scenario.procedure].verdict(standing)
    return replace(result, scenario=replace(result.scenario, expected=expected))
