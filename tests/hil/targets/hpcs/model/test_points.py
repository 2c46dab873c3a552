"""Crash points from a list of events: which are kept, and which are another one's crash state or a race."""

from hil.model.events import Event
from hil.model.faults import EventClass, Process, When
from hil.targets.hpcs.model import points
from hil.targets.hpcs.model.processes import KMS, TKE, unit


def _events(*told: tuple[EventClass, str, Process, Process, When]) -> list[Event]:
    return [
        Event(number, 0, 0.0, boundary, name, 1, when, client, server, "")
        for number, (boundary, name, client, server, when) in enumerate(told, start=1)
    ]


def _typed() -> tuple[EventClass, str, Process, Process, When]:
    return (EventClass.TRANSCRIPT, points.TYPED, TKE, TKE, When.BEFORE)


def _line(name: str = points.LINE) -> tuple[EventClass, str, Process, Process, When]:
    return (EventClass.TRANSCRIPT, name, TKE, TKE, When.AFTER)


def _ids(events: list[Event]) -> list[str]:
    return [fault.id for fault in points.kills(events)]


def test_a_line_before_a_request() -> None:
    """After a line that its command follows by a request the command waits there, and can be killed."""
    request = (EventClass.REST, "rewrap", TKE, KMS, When.BEFORE)
    assert "tke@line.1-after" in _ids(_events(_typed(), _line(), request))


def test_the_last_line_of_a_command() -> None:
    """A command may have ended by the time that its last line is read, whatever the next command does."""
    request = (EventClass.REST, "rewrap", TKE, KMS, When.BEFORE)
    assert _ids(_events(_typed(), _line(), _typed(), request)) == [
        "tke@rewrap.1-before",
        "kms@rewrap.1-before",
    ]


def test_a_last_line_while_others_go_on() -> None:
    """What the kms and a crypto unit do after a command's last line does not hold the command up."""
    others = (
        (EventClass.SYSCALL, "openat", KMS, KMS, When.BEFORE),
        (EventClass.PKCS11, "C_Login", KMS, unit(1), When.BEFORE),
    )
    assert not [name for name in _ids(_events(_typed(), _line(), *others)) if name.startswith("tke@line")]


def test_between_a_reply_and_the_next_request() -> None:
    """A client changes nothing between a reply and its next request: that is one point, not two."""
    events = _events(
        (EventClass.ADMIN, "commit", TKE, unit(1), When.AFTER),
        (EventClass.ADMIN, "query", TKE, unit(2), When.BEFORE),
    )
    assert _ids(events) == ["unit1@commit.1-after", "tke@query.1-before", "unit2@query.1-before"]


def test_tke_dies_once_a_row() -> None:
    """In a rewrap tke waits in one request: its death is tried at each C_WrapKey, at no other call."""
    calls = [(EventClass.PKCS11, name, KMS, unit(1), When.BEFORE) for name in ("C_UnwrapKey", "C_WrapKey")]
    assert [name for name in _ids(_events(*calls)) if name.startswith("tke@")] == ["tke@C_WrapKey.1-before"]
