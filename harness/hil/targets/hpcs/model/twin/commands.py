"""What each command of ``tke`` does, as the steps that a kill can fall between.

A command is a generator: each instance that it yields is one durable step further. It raises TwinRefused
where it does not go on; what was yielded until then stays, which is how the documents describe it: each step
is atomic within a unit, nothing is atomic across units, and nothing is rolled back.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from hil.targets.hpcs.model.twin.instance import PARTS, RECOVERY, TwinInstance, TwinUnit

Steps = Iterator[TwinInstance]
Numbers = tuple[int, ...]


class TwinRefused(Exception):
    """A command does not start, or does not go on; the text says on what condition."""


@dataclass(frozen=True)
class Ran:
    """``states`` begin with the one that the command found; ``refused`` is empty where it ended well."""

    states: tuple[TwinInstance, ...]
    refused: str

    @property
    def end(self) -> TwinInstance:
        """Where it left the instance."""
        return self.states[-1]

    @property
    def untouched(self) -> bool:
        """Whether nothing has changed but the selection, which is a list on the workstation."""
        return replace(self.end, selected=self.states[0].selected) == self.states[0]


def run(instance: TwinInstance, line: str) -> Ran:
    """Run one line as the operator typed it, such as ``cryptounit-rm 1 2``; KeyError: no such command."""
    command, *words = line.split()
    states = [instance]
    try:
        states.extend(COMMANDS[command](instance, tuple(map(int, words))))
    except TwinRefused as refused:
        return Ran(tuple(states), str(refused))
    return Ran(tuple(states), "")


def _auto_rotate(instance: TwinInstance, _: Numbers) -> Steps:
    """A random key from a recovery unit: clear leftovers, make, copy, commit, rewrap, set immediate."""
    at = replace(instance, selected=tuple(unit.number for unit in instance.units))
    yield at
    _need(any(unit.type == RECOVERY for unit in instance.units), "there is no recovery unit")
    _need_one_current(instance.units)
    for unit in at.units:
        if unit.new is not None:
            at = at.changed(unit.number, TwinUnit.cleared)
            yield at
    key = f"N{at.made + 1}"
    at = replace(at, made=at.made + 1)
    for unit in sorted(at.units, key=_copied_in):
        at = at.changed(unit.number, partial(replace, new=key, committed=False))
        yield at
    for unit in at.units:
        at = at.changed(unit.number, partial(replace, committed=True))
        yield at
    at = replace(at, shown=at.shown | {1})
    yield at
    yield from _finish(at)


def _rotate(instance: TwinInstance, _: Numbers) -> Steps:
    """Rewrap and set immediate, from NEW registers that are committed everywhere."""
    _need(len(instance.chosen) == len(instance.units), "not all units are selected")
    _need_one_current(instance.units)
    _need_one_new(instance.units)
    _need(instance.units[0].new != instance.units[0].current, "NEW is CURRENT")
    yield from _finish(instance)


def _finish(at: TwinInstance) -> Steps:
    """Rewrap, message 2, set immediate by number."""
    first = at.operational[0]
    if first.new is None:
        raise TwinRefused("NEW is empty")
    known = {first.current, first.new}
    _need(all(key in known for key, _ in at.rows), "rows are under a master key that is in no register")
    at = replace(at, target=first.new)
    yield at
    left = tuple(key for key, _ in at.rows if key != first.new)
    for share in (sum(map(at.under, left)) // 2, sum(map(at.under, left))):
        yield at.moved(first.new, share, left)
    at = at.moved(first.new, sum(map(at.under, left)), left)
    at = replace(at, shown=at.shown | {2})
    yield at
    yield from _promote(at, at.units)


def _set_immediate(instance: TwinInstance, _: Numbers) -> Steps:
    """NEW becomes CURRENT in the selected units; key store and CURRENT are not looked at."""
    _need_selection(instance)
    _need_one_new(instance.chosen)
    yield from _promote(instance, instance.chosen)


def _promote(at: TwinInstance, units: Sequence[TwinUnit]) -> Steps:
    for unit in units:
        at = at.changed(unit.number, TwinUnit.promoted)
        yield at


def _load(instance: TwinInstance, _: Numbers) -> Steps:
    """Key parts from files into NEW; the same parts make the same key."""
    _need_selection(instance)

    def loaded(unit: TwinUnit) -> TwinUnit:
        _need(unit.new is None, f"NEW of unit {unit.number} is not empty")
        _need(unit.current != PARTS, "CURRENT is that key")
        return replace(unit, new=PARTS, committed=False)

    yield from _each(instance, loaded)


def _commit(instance: TwinInstance, _: Numbers) -> Steps:
    _need_selection(instance)

    def committed(unit: TwinUnit) -> TwinUnit:
        _need(unit.new is not None, f"NEW of unit {unit.number} is empty")
        return replace(unit, committed=True)

    yield from _each(instance, committed)


def _clear_new(instance: TwinInstance, _: Numbers) -> Steps:
    _need_selection(instance)
    yield from _each(instance, TwinUnit.cleared)


def _clear_current(instance: TwinInstance, _: Numbers) -> Steps:
    _need_selection(instance)
    yield from _each(instance, partial(replace, current=None))


def _zeroize(instance: TwinInstance, _: Numbers) -> Steps:
    """Back to imprint mode: both registers and all administrators are gone."""
    _need_selection(instance)
    for unit in instance.chosen:
        instance = instance.changed(unit.number, TwinUnit.zeroized)
        yield instance


def _recover(instance: TwinInstance, numbers: Numbers) -> Steps:
    """CURRENT of a recovery unit into CURRENT of the other selected units, by way of an empty NEW."""
    _need(len(instance.chosen) > 1, "no units are selected that could take a key")
    _need(not any(unit.imprint for unit in instance.chosen), "a unit is in imprint mode")
    sources = [unit for unit in instance.chosen if unit.type == RECOVERY and unit.current is not None]
    sources = [unit for unit in sources if not numbers or unit.number in numbers]
    _need(bool(sources), "no recovery unit is selected that holds a key")
    source, key = sources[0], sources[0].current
    others = [unit for unit in instance.chosen if unit != source]
    _need(all(unit.new is None for unit in others), "NEW of a unit is not empty")
    for unit in (unit for unit in others if unit.current != key):
        for change in (_received(key), _committed, TwinUnit.promoted):
            instance = instance.changed(unit.number, change)
            yield instance


def _received(key: str | None) -> Callable[[TwinUnit], TwinUnit]:
    return partial(replace, new=key, committed=False)


def _committed(unit: TwinUnit) -> TwinUnit:
    return replace(unit, committed=True)


def _select(instance: TwinInstance, numbers: Numbers) -> Steps:
    yield replace(instance, selected=tuple(sorted({*instance.selected, *numbers})))


def _deselect(instance: TwinInstance, numbers: Numbers) -> Steps:
    """The selection is a file of the workstation: no unit hears of it."""
    yield replace(instance, selected=tuple(sorted({*instance.selected} - {*numbers})))


def _nothing(_: TwinInstance, __: Numbers) -> Steps:
    """A command that only looks, or that is about the token."""
    yield from ()


def _each(at: TwinInstance, change: Callable[[TwinUnit], TwinUnit]) -> Steps:
    """One command to each selected unit in turn; the first that refuses ends it."""
    for unit in at.chosen:
        _need(not unit.imprint, f"unit {unit.number} is in imprint mode")
        at = at.changed(unit.number, change)
        yield at


def _copied_in(unit: TwinUnit) -> tuple[bool, int]:
    """Order of making and copying: recovery units first, then on by number."""
    return unit.type != RECOVERY, unit.number


def _need(condition: bool, otherwise: str) -> None:  # noqa: FBT001 - a condition of a command
    if not condition:
        raise TwinRefused(otherwise)


def _need_selection(instance: TwinInstance) -> None:
    _need(bool(instance.chosen), "no unit is selected")


def _need_one_current(units: Sequence[TwinUnit]) -> None:
    _need(not any(unit.imprint for unit in units), "a unit is in imprint mode")
    currents = {unit.current for unit in units}
    _need(len(currents) == 1 and None not in currents, "CURRENT is not Valid and one everywhere")


def _need_one_new(units: Sequence[TwinUnit]) -> None:
    _need(all(unit.pending for unit in units), "NEW is not Full Committed everywhere")
    _need(len({unit.new for unit in units}) == 1, "NEW is not one everywhere")


COMMANDS: dict[str, Callable[[TwinInstance, Numbers], Steps]] = {
    "auto-mk-rotate": _auto_rotate,
    "auto-mk-recover": _recover,
    "auto-recover": _recover,
    "cryptounit-mk-rotate": _rotate,
    "cryptounit-mk-setimm": _set_immediate,
    "cryptounit-mk-load": _load,
    "cryptounit-mk-commit": _commit,
    "cryptounit-mk-clrnew": _clear_new,
    "cryptounit-mk-clrcur": _clear_current,
    "cryptounit-zeroize": _zeroize,
    "cryptounit-add": _select,
    "cryptounit-rm": _deselect,
    "cryptounit-mk": _nothing,
    "cryptounit-mks": _nothing,
    "cryptounit-compare": _nothing,
    "cryptounits": _nothing,
    "rotation-status": _nothing,
    "login": _nothing,
}
