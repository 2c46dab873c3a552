"""The order of writes, flushes and renames, on traces written by hand."""

import pytest

from hil.model.events import Event
from hil.model.faults import EventClass, Process, When
from hil.targets.hpcs.model.processes import KMS, TKE, unit
from hil.targets.hpcs.probes import durable

ONE = unit(1)
COMMAND = "setimm"
REPLACED = (
    "openat units/1/state.json.tmp",
    "write units/1/state.json.tmp",
    "fsync units/1/state.json.tmp",
    "rename units/1/state.json",
    "fsync units/1",
)
DESTROYED = ("unlink units/1/tokens/t/old.object", "fsync units/1/tokens/t")
STORED = (
    "pwrite64 kms/keystore.sqlite-journal",
    "fdatasync kms/keystore.sqlite-journal",
    "pwrite64 kms/keystore.sqlite",
    "fdatasync kms/keystore.sqlite",
    "sql-commit kms/keystore.sqlite-journal",
)


def _trace(process: Process, *calls: str) -> list[Event]:
    """Events of one process; a call without a file is an admin command that the process receives."""
    events = []
    for number, call in enumerate(calls, start=1):
        name, _, path = call.partition(" ")
        boundary = EventClass.SQL if name == "sql-commit" else EventClass.SYSCALL
        ends = (process, process)
        if not path:
            boundary, ends = EventClass.ADMIN, (TKE, process)
        events.append(Event(number, 0, 0.0, boundary, name, number, When.BEFORE, *ends, path))
    return events


def _without(calls: tuple[str, ...], call: str) -> tuple[str, ...]:
    assert call in calls
    return tuple(each for each in calls if each != call)


def test_in_order() -> None:
    """A command that replaces its state and then destroys, and a transaction with all its flushes, pass."""
    assert durable.problems(_trace(ONE, COMMAND, *REPLACED, *DESTROYED, COMMAND, *REPLACED)) == ()
    assert durable.problems(_trace(KMS, *STORED, *STORED)) == ()


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        (_without(REPLACED, "fsync units/1/state.json.tmp"), "before it is flushed"),
        (_without(REPLACED, "fsync units/1"), "units/1/ is not flushed after a rename"),
        ((*_without(REPLACED, "fsync units/1"), *REPLACED), "units/1/ is not flushed after a rename"),
        (("openat units/1/state.json", "write units/1/state.json"), "state.json is written in place"),
        ((COMMAND, *DESTROYED, *REPLACED), "a key object is destroyed before"),
        ((COMMAND, *REPLACED[:4], *DESTROYED[:1], "fsync units/1"), "a key object is destroyed before"),
        ((COMMAND, *REPLACED, COMMAND, *DESTROYED, *REPLACED), "a key object is destroyed before"),
    ],
)
def test_a_unit_out_of_order(calls: tuple[str, ...], said: str) -> None:
    """Each flush that is missing and each call that comes too early is named."""
    (problem,) = durable.problems(_trace(ONE, *calls))
    assert problem.startswith("unit:1: ")
    assert said in problem


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("fdatasync kms/keystore.sqlite-journal", "written before its journal is flushed"),
        ("fdatasync kms/keystore.sqlite", "ends before keystore.sqlite is flushed"),
    ],
)
def test_a_transaction_out_of_order(missing: str, said: str) -> None:
    """A database that is written to, or left, without a flush is named."""
    (problem,) = durable.problems(_trace(KMS, *_without(STORED, missing)))
    assert said in problem


def test_processes_do_not_stand_in_for_each_other() -> None:
    """What one process flushes does not count for another."""
    broken = _trace(ONE, *_without(REPLACED, "fsync units/1/state.json.tmp"))
    other = _trace(unit(2), "fsync units/1/state.json.tmp")
    assert durable.problems([*broken[:2], *other, *broken[2:]])


def test_units_that_have_replaced_their_state() -> None:
    """A unit counts when it has put a state file in place."""
    assert durable.units(_trace(ONE, *REPLACED)) == {1}
    assert durable.units(_trace(ONE, *REPLACED[:3])) == frozenset()
