"""The form in which runs are compared, and which event a fault waits for."""

from dataclasses import replace

import pytest

from hil.model.events import Event, is_point, normalised, trace
from hil.model.faults import EventClass, Fault, When
from hil.targets.hpcs.model.processes import KMS, TKE, unit

LINE = Event(1, 0, 0.1, EventClass.TRANSCRIPT, "line", 1, When.AFTER, TKE, TKE, "Answer [y/N]:")
WRITE = Event(2, 0, 0.2, EventClass.SYSCALL, "write", 3, When.BEFORE, KMS, KMS, "kms/keystore.sqlite")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("key 5ef2c71c-2d05-4dc4-a46c-16c4fdb51cdb", "key 4aae856d-34bd-4fff-8e5b-fdcc49ab0b4b"),
        ("admin1 (6ccdaa53dbc30991f60522cd667390...)", "admin1 (8fa45a7c0eb7d8157ceebbb15e1c38...)"),
        ("/dev/shm/hil-w8h0b0g0/replay/s/k: refused", "/tmp/hil-_a0/w1/s/k: refused"),
    ],
)
def test_chance_is_left_out(one: str, other: str) -> None:
    """Ids, keys and the folder of the rig, which differ from run to run, make no difference."""
    assert trace([replace(LINE, text=one)]) == trace([replace(LINE, text=other, seconds=9.0)])


@pytest.mark.parametrize(
    "other",
    [
        replace(LINE, text="Answer [Y/n]:"),
        replace(LINE, stage=1),
        replace(LINE, ordinal=2),
        replace(LINE, client=KMS),
        replace(LINE, text="/dev/shm/hil-w8h0b0g0/replay/s/k: refused"),
        replace(LINE, text="/dev/shm/hil-w8h0b0g0/replay/s/a1: refused"),
    ],
)
def test_everything_else_counts(other: Event) -> None:
    """Another stage, ordinal, process or text is another trace; so is another file of the same folder."""
    several = {trace([LINE]), trace([other]), trace([LINE, other]), trace([other, LINE]), trace([])}
    assert len(several) == 5
    assert all(len(one) == 16 for one in several)


def test_files_of_the_instance_count() -> None:
    """Paths below the instance's folder are told apart whole."""
    assert normalised([WRITE])[0].endswith("kms/keystore.sqlite")


def test_point_of_a_request() -> None:
    """A request is told by name, ordinal and side, whoever is to die of it."""
    event = Event(1, 0, 0.1, EventClass.ADMIN, "setimm", 2, When.AFTER, TKE, unit(2))
    assert is_point(event, Fault(KMS, "setimm", 2, When.AFTER))
    assert not is_point(event, Fault(KMS, "setimm", 1, When.AFTER))
    assert not is_point(event, Fault(KMS, "setimm", 2, When.BEFORE))


def test_point_of_a_system_call() -> None:
    """System calls are counted by process, so the victim has to be the one that makes it."""
    assert is_point(WRITE, Fault(KMS, "write", 3, When.BEFORE))
    assert not is_point(WRITE, Fault(unit(1), "write", 3, When.BEFORE))
