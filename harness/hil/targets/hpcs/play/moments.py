"""Moments: one crash point for each crash state of a rotation, with the standing that it leads to.

Controls are played from every moment where their author predicts an outcome, so one line here is a column
of cells. What stands here is believed at planning time only: each scenario measures its true standing, and
an outcome is judged by that.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from hil.model.events import Event
from hil.model.faults import EXPIRED
from hil.targets.hpcs.emulator import FLOWS, Shape
from hil.targets.hpcs.model.evidence import ErrorClass
from hil.targets.hpcs.model.points import LINE, PER_ROW
from hil.targets.hpcs.model.standing import Extent, Standing, extent

NONE, SOME, ALL = Extent
FLOW_OF = {command: flow for flow, commands in FLOWS.items() for command in commands}


@dataclass(frozen=True)
class Moment:
    """A crash point of the rotation, and how far the rotation has come there."""

    point: str
    standing: Standing


def _moment(
    command: str,
    point: str,
    loaded: Extent,
    committed: Extent = NONE,
    rows: Extent = NONE,
    promoted: Extent = NONE,
    printed: str = "none",
    *,
    shown: str = "",
) -> Moment:
    so_far = (loaded, committed, rows, promoted, printed, shown or printed)
    return Moment(point, Standing(FLOW_OF[command], command, *so_far))


# A moment of each command: crash point, then how far the rotation has come there.
(_auto,) = (partial(_moment, command) for command in FLOWS["auto"])
_load, _commit, _rotate = (partial(_moment, command) for command in FLOWS["parts"])


def auto(shape: Shape, rows: int) -> Iterator[Moment]:
    """Yield the crash states of auto-mk-rotate in their order; ``rows``: rows of the key store."""
    units = len(shape.unit_types)
    yield _auto("tke@generate.1-before", NONE)
    yield _auto("tke@generate.1-after", extent(1, units))
    yield from (_auto(f"tke@import.{n}-after", extent(n + 1, units)) for n in range(1, units))
    yield from (_auto(f"tke@commit.{n}-after", ALL, extent(n, units)) for n in range(1, units + 1))
    yield _auto("tke@message1.1-after", ALL, ALL, printed="1")
    yield from (_auto(point, ALL, ALL, moved, printed="1") for point, moved in _rewrap(shape, rows))
    yield _auto("tke@message2.1-after", ALL, ALL, ALL, printed="12")
    yield from (
        _auto(f"tke@setimm.{n}-after", ALL, ALL, ALL, extent(n, units), "12") for n in range(1, units + 1)
    )


def parts(shape: Shape, rows: int) -> Iterator[Moment]:
    """Yield the crash states of the key-part flow in their order."""
    units = len(shape.unit_types)
    yield _load("tke@load.1-before", NONE)
    yield from (_load(f"tke@load.{n}-after", extent(n, units)) for n in range(1, units + 1))
    yield _commit("tke@commit.1-before", ALL)
    yield from (_commit(f"tke@commit.{n}-after", ALL, extent(n, units)) for n in range(1, units + 1))
    yield _rotate("tke@rewrap.1-before", ALL, ALL)
    yield from (_rotate(point, ALL, ALL, moved) for point, moved in _rewrap(shape, rows))
    yield _rotate("tke@message2.1-after", ALL, ALL, ALL, printed="2")
    yield from (
        _rotate(f"tke@setimm.{n}-after", ALL, ALL, ALL, extent(n, units), "2") for n in range(1, units + 1)
    )


def expired(shape: Shape) -> Iterator[Moment]:
    """Yield the crash states of auto-mk-rotate at which the token expires, in their order.

    With one fault there is none in the middle of the rewrap: its one request has been sent by then.
    """
    units = len(shape.unit_types)
    first, source, last = (f"unit{number}" for number in (1, shape.operational + 1, units))
    table = (
        _auto("kms@instance.1-before", NONE),
        _auto(f"{source}@generate.1-after", extent(1, units)),
        _auto(f"{first}@commit.1-before", ALL),
        _auto(f"{first}@commit.1-after", ALL, extent(1, units)),
        _auto("kms@rewrap.1-before", ALL, ALL, printed="1"),
        _auto("kms@rewrap.1-after", ALL, ALL, ALL, printed="1"),
        _auto(f"{first}@setimm.1-before", ALL, ALL, ALL, printed="12"),
        _auto(f"{first}@setimm.1-after", ALL, ALL, ALL, extent(1, units), "12"),
        _auto(f"{last}@setimm.{units}-after", ALL, ALL, ALL, ALL, "12"),
    )
    for moment in table:
        standing = replace(moment.standing, ended=ErrorClass.TOKEN)
        yield Moment(f"{moment.point}+error.{EXPIRED}", standing)


def blinded(shape: Shape, events: Sequence[Event]) -> Iterator[Moment]:
    """Yield moments at which a message was printed and is lost; ``events`` of auto-mk-rotate.

    The last line that a cut terminal keeps must not be a message, so it is the first one of the promotion.
    """
    units = len(shape.unit_types)
    first = next(at for at, event in enumerate(events) if event.name == "setimm")
    lines = [event.ordinal for event in events[:first] if event.name == LINE]
    done, promoted = "tke@rewrap.1-after", extent(1, units)
    yield _auto("tke@message1.1-after+gone", ALL, ALL, printed="1", shown="none")
    yield from (
        _auto(f"{done}+{kind}", ALL, ALL, ALL, printed="1", shown="none") for kind in ("gone", "buffered")
    )
    yield _auto(f"tke@line.{lines[-1]}-after+cut", ALL, ALL, ALL, printed="12", shown="none")
    yield _auto("tke@setimm.1-after+gone", ALL, ALL, ALL, promoted, "12", shown="none")
    yield _auto(f"tke@setimm.{units}-after+gone", ALL, ALL, ALL, ALL, "12", shown="none")
    yield _rotate("tke@message2.1-after+gone", ALL, ALL, ALL, printed="2", shown="none")
    yield _rotate("tke@setimm.1-after+gone", ALL, ALL, ALL, promoted, "2", shown="none")


def _rewrap(shape: Shape, rows: int) -> Iterable[tuple[str, Extent]]:
    """Crash points from the request to the last row: the kms dies before, between and after transactions."""
    yield f"kms@{PER_ROW}.1-before", NONE
    if rows > shape.batch:
        middle, last = (left // shape.batch * shape.batch for left in (rows // 2, rows - 1))
        for done in dict.fromkeys((middle or shape.batch, last)):
            yield f"kms@{PER_ROW}.{done + 1}-after", SOME
    yield "tke@rewrap.1-after", ALL
