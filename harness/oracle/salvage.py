"""Which of the rows that are not readable could still be brought back.

A row that an operational unit does not read with CURRENT need not be gone: its master key may stand in a NEW
register, or in another unit, a recovery unit included. That is proven by reading the row there.
"""

from collections.abc import Sequence

from harness import sut
from harness.model.ledger import Known
from harness.oracle import reader
from harness.oracle.rows import Row, RowKey
from harness.rig.layout import Layout
from harness.rig.rest import Rest


def reachable(
    layout: Layout, shape: sut.Shape, rest: Rest, pairs: Sequence[tuple[Known, Row]]
) -> frozenset[RowKey]:
    """Return those of the rows that at least one register of one unit opens."""
    left = list(pairs)
    for number in shape.numbers:
        registers = rest.unit(number)["registers"]
        for register in (registers["current"], registers["new"]):
            if left and register["key_id"] is not None:
                closed = {place for place, _ in reader.unreadable(layout, number, register, left)}
                left = [(known, row) for known, row in left if (known.key_id, known.version) in closed]
    places = {(known.key_id, known.version) for known, _ in left}
    return frozenset((known.key_id, known.version) for known, _ in pairs) - places
