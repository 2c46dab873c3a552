"""Which of the rows that are not readable could still be brought back.

A row that an operational unit does not read with CURRENT need not be gone: its master key may stand in a NEW
register, or in another unit, a recovery unit included. That is proven by reading the row there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hil.targets.hpcs.model.ledger import Known
from hil.targets.hpcs.oracle import reader
from hil.targets.hpcs.oracle.rows import KeyStoreRow, RowKey
from hil.targets.hpcs.rig.layout import Layout


def reachable(
    layout: Layout, states: Mapping[int, dict[str, Any]], pairs: Sequence[tuple[Known, KeyStoreRow]]
) -> frozenset[RowKey]:
    """Return those of the rows that a register opens; ``states`` of the units by their numbers."""
    left = list(pairs)
    for number, state in states.items():
        for register in (state["registers"]["current"], state["registers"]["new"]):
            if left and register["key_id"] is not None:
                closed = {place for place, _ in reader.unreadable(layout, number, register, left)}
                left = [(known, row) for known, row in left if (known.key_id, known.version) in closed]
    places = {(known.key_id, known.version) for known, _ in left}
    return frozenset((known.key_id, known.version) for known, _ in pairs) - places
