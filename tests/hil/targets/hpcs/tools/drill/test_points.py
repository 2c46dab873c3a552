"""The points of drills, and the way that the page shows from each."""

from hil.model.faults import FaultKind
from hil.targets.hpcs.tools.drill.points import POINTS, chosen


def test_seeds_go_through_all() -> None:
    """As many seeds in a row as there are points choose each point once; the same seed the same one."""
    count = len(POINTS)
    assert sorted(map(str, map(chosen, range(7, 7 + count)))) == sorted(map(str, POINTS))
    assert chosen(5) is chosen(5 + count)


def test_points_are_single_kills() -> None:
    """Each point is one kill in the rotation by recovery units, and stands in the table once."""
    scenarios = [point.scenario for point in POINTS]
    assert len({scenario.id for scenario in scenarios}) == len(POINTS)
    for scenario in scenarios:
        (fault,) = scenario.faults
        assert fault.kind is FaultKind.KILL
