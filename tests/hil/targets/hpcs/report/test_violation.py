"""The moment at which keys died, found in events."""

from typing import Any

from hil.model.events import Event
from hil.model.faults import EventClass, When
from hil.targets.hpcs.model.processes import TKE, unit
from hil.targets.hpcs.report.violation import violation

Unit = dict[str, Any]


def _unit(number: int, current: str | None, new: str | None) -> Unit:
    return {"number": number, "type": "OPERATIONAL", "current": current, "new": new}


def _record(verdict: str, current: int, new: int, *, as_documented: bool = True) -> dict[str, Any]:
    units = [_unit(1, "old", "new"), _unit(2, "old", "new")]
    rows = {"current": current, "new": new, "unreadable": 0}
    state = {"units": units, "rows": rows}
    return {"verdict": verdict, "as_documented": as_documented, "state_at_crash": state}


def _admin(sequence: int, name: str, number: int, stage: int = 1) -> Event:
    place = (EventClass.ADMIN, name, number, When.AFTER, TKE, unit(number))
    return Event(sequence, stage, sequence / 10, *place)


def _line(sequence: int, text: str) -> Event:
    return Event(sequence, 1, 0.0, EventClass.TRANSCRIPT, "line", 1, When.AFTER, TKE, TKE, text)


def test_last_copy() -> None:
    """Rows under NEW die with the last register that held it, not with the first."""
    events = [_admin(1, "clrnew", 1), _admin(2, "clrnew", 2), _admin(3, "generate", 1)]
    after = [_unit(1, "old", "newer"), _unit(2, "old", "newer")]
    moment = violation(_record("DATA_LOST", 4, 5), after, events)
    assert moment
    assert moment.sequence == 2
    assert (
        moment.text
        == "clrnew on unit:2: the master key of 5 rows (new) has left the last register that held it"
    )


def test_one_unit_is_enough() -> None:
    """Where another unit still holds the key, the moment says how many do not."""
    moment = violation(
        _record("DATA_LOST", 0, 5), [_unit(1, "old", None), _unit(2, "old", "new")], [_admin(1, "clrnew", 1)]
    )
    assert moment
    assert moment.text.endswith("has left 1 of 2 units")


def test_set_immediate_before_the_rewrap() -> None:
    """Rows under CURRENT die by set immediate, which is no clearing of NEW."""
    events = [_admin(1, "setimm", 1), _admin(2, "setimm", 2)]
    moment = violation(_record("DATA_LOST", 9, 0), [_unit(1, "new", None), _unit(2, "new", None)], events)
    assert moment
    assert moment.sequence == 2
    assert "setimm on unit:2: the master key of 9 rows (old)" in moment.text


def test_rotation_is_no_recovery() -> None:
    """What happened before the crash is not what the recovery did."""
    events = [_admin(1, "clrnew", 1, stage=0), _admin(2, "clrnew", 2, stage=0)]
    after = [_unit(1, "old", None), _unit(2, "old", None)]
    assert violation(_record("DATA_LOST", 0, 5), after, events) is None


def test_nothing_lost() -> None:
    """Where no key is lost, the first command that failed is told; where all went well, nothing is."""
    events = [_line(1, "fine"), _line(2, "FAILED"), _line(3, "FAILED")]
    moment = violation(_record("STUCK", 9, 0), [], events)
    assert moment
    assert moment.sequence == 2
    assert violation(_record("RECOVERED", 9, 0), [], events) is None
    assert violation(_record("RECOVERED", 9, 0, as_documented=False), [], events)


def test_partly_promoted() -> None:
    """Where one unit is promoted, the rows are under the key that the others hold in NEW."""
    record = _record("STUCK", 9, 0)
    record["state_at_crash"]["units"] = [_unit(1, "new", None), _unit(2, "old", "new")]
    moment = violation(record, [_unit(1, "new", None), _unit(2, "old", None)], [_admin(1, "clrnew", 2)])
    assert moment
    assert moment.text == "clrnew on unit:2: the master key of 9 rows (new) has left 1 of 2 units"
