"""Rewrapping many blobs over the wire: results, order of calls, and what a refusal leaves."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hsm_emulator.wire.call import Call
from hsm_emulator.wire.client import Session, UnitModule
from hsm_emulator.wire.connection import WINDOW
from hsm_emulator.wire.constants import Attribute, Mechanism, ObjectClass, P11KeyType
from hsm_emulator.wire.errors import GeneralError, P11Error, UnitLost
from hsm_emulator.wire.frames import Frame, FrameReader, call_name, error_reply
from hsm_emulator.wire.rewrap import CARRIED, rewrap

if TYPE_CHECKING:
    from hsm_emulator.wire.values import Template
    from tests.hsm_emulator.wire.conftest import Server

LABEL = "unit1"
PIN = "one-pin-of-the-tests"
WRAP = Mechanism.AES_KEY_WRAP
ROWS = 3 * WINDOW + 5
Connect = Callable[..., UnitModule]


def master_key(session: Session) -> int:
    """Make a wrapping key as a session object."""
    template: Template = {
        Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.KEY_TYPE: P11KeyType.AES, Attribute.TOKEN: False,
        Attribute.PRIVATE: True, Attribute.WRAP: True, Attribute.UNWRAP: True,
        Attribute.VALUE: os.urandom(32),
    }  # fmt: skip
    return session.create(template)


def wrapped(session: Session, key: int, count: int) -> tuple[list[int], list[bytes]]:
    """Make keys and return their handles and their blobs under ``key``."""
    made = session.run([Call.create({**CARRIED, Attribute.VALUE: os.urandom(32)}) for _ in range(count)])
    return made, session.run([Call.wrap(WRAP, key, one) for one in made])


def carried(session: Session) -> int:
    """Count the keys that are in the unit on their way."""
    return len(session.find({Attribute.EXTRACTABLE: True, Attribute.SENSITIVE: True}))


@pytest.mark.parametrize("rows", [0, 1, WINDOW, ROWS])
def test_blobs_come_back_under_the_other_key(session: Session, rows: int) -> None:
    """However many there are, each blob is what a wrap with the other key gives, and no key stays behind."""
    old, new = master_key(session), master_key(session)
    made, blobs = wrapped(session, old, rows)
    expected = session.run([Call.wrap(WRAP, new, one) for one in made])
    before = carried(session)
    assert rewrap(session, old, new, blobs) == expected
    assert carried(session) == before


def test_a_blob_that_does_not_unwrap_has_its_error(session: Session) -> None:
    """A damaged blob has the unit's refusal in its place, the others are rewrapped, no key stays behind."""
    old, new = master_key(session), master_key(session)
    made, blobs = wrapped(session, old, 5)
    expected = session.run([Call.wrap(WRAP, new, one) for one in made])
    before = carried(session)
    blobs[0] = blobs[3] = bytes(40)
    results = rewrap(session, old, new, blobs)
    assert [isinstance(result, GeneralError) for result in results] == [True, False, False, True, False]
    assert [results[at] for at in (1, 2, 4)] == [expected[at] for at in (1, 2, 4)]
    assert carried(session) == before


def one_by_one(upstream: Path, answer: Callable[[Frame], Frame | None]) -> Callable[[socket.socket], None]:
    """Pass requests on one at a time; ``answer`` sees each, and may answer itself."""

    def frames(end: socket.socket, reader: FrameReader) -> Iterator[Frame]:
        while data := end.recv(65536):
            yield from reader.feed(data)

    def serve(near: socket.socket) -> None:
        with socket.socket(socket.AF_UNIX) as far:
            far.settimeout(20)
            far.connect(str(upstream))
            version = near.recv(1)
            far.sendall(version)
            near.sendall(far.recv(1))
            requests, replies = FrameReader(), FrameReader()
            requests.feed(version)
            replies.feed(version)
            returned = frames(far, replies)
            for request in frames(near, requests):
                reply = answer(request)
                if reply is None:
                    far.sendall(request.encode())
                    reply = next(returned)
                near.sendall(reply.encode())

    return serve


def test_the_order_of_calls_is_fixed(server: "Server", peer: Callable[..., Path], connect: Connect) -> None:
    """Seen one by one, all unwraps come first, then all wraps, then all destroys, also beyond the window."""
    seen: list[str] = []
    path = peer(one_by_one(server.socket, lambda request: seen.append(call_name(request))))
    module = connect(path, 20)
    session = module.open_session(LABEL, PIN)
    old, new = master_key(session), master_key(session)
    _, blobs = wrapped(session, old, ROWS)
    seen.clear()
    rewrap(session, old, new, blobs)
    assert seen == ["C_UnwrapKey"] * ROWS + ["C_WrapKey"] * ROWS + ["C_DestroyObject"] * ROWS
    module.close()


def test_a_refused_wrap_is_raised_after_all_keys_are_destroyed(
    server: "Server", peer: Callable[..., Path], connect: Connect
) -> None:
    """A wrap that the unit refuses is an error of the whole, and yet every key is destroyed."""
    wraps: list[Frame] = []

    def refuse_the_fourth(request: Frame) -> Frame | None:
        if call_name(request) != "C_WrapKey":
            return None
        wraps.append(request)
        return error_reply(request, 0x30) if len(wraps) == 4 else None

    module = connect(peer(one_by_one(server.socket, refuse_the_fourth)), 20)
    session = module.open_session(LABEL, PIN)
    old, new = master_key(session), master_key(session)
    made = session.create({**CARRIED, Attribute.VALUE: os.urandom(32)})
    blob = session.wrap(WRAP, old, made)
    before = carried(session)
    with pytest.raises(P11Error, match="C_WrapKey"):
        rewrap(session, old, new, [blob] * 6)
    assert carried(session) == before
    module.close()


def test_a_unit_that_goes_is_lost(server: "Server", connect: Connect) -> None:
    """A unit that dies ends the whole as lost: nothing is known of the keys, and nothing is sent again."""
    module = connect(server.socket, 20)
    session = module.open_session(LABEL, PIN)
    old, new = master_key(session), master_key(session)
    _, blobs = wrapped(session, old, 3)
    server.stop()
    with pytest.raises(UnitLost):
        rewrap(session, old, new, blobs)
    assert module._connection.closed
