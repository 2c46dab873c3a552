"""What the client says of a unit that is absent, paused, killed or lying: it never hangs, never resends."""

import fcntl
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hsm_emulator.wire.call import Call
from hsm_emulator.wire.client import Session, UnitModule
from hsm_emulator.wire.connection import FIRST_CODE, OPEN_ATTEMPTS
from hsm_emulator.wire.constants import Attribute, ObjectClass, P11KeyType, Rv
from hsm_emulator.wire.errors import (
    GeneralError,
    P11Error,
    PinIncorrect,
    ProtocolError,
    UnitLost,
    UnitTimeout,
    UnitUnreachable,
    UnsupportedVersion,
)
from hsm_emulator.wire.frames import Frame, call_name, error_reply
from hsm_emulator.wire.values import Template
from tests.hsm_emulator.wire.drawn import drawn

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.hsm_emulator.wire.conftest import Server

    Start = Callable[..., Path]
    Connect = Callable[..., UnitModule]

LABEL = "unit1"
PIN = "one-pin-of-the-tests"
SHORT = 0.3
ENOUGH = 1.5  # for a unit to start its process on a busy machine, where the deadline comes later
TOKEN_KEY: Template = {
    Attribute.CLASS: ObjectClass.SECRET_KEY,
    Attribute.KEY_TYPE: P11KeyType.AES,
    Attribute.TOKEN: True,
    Attribute.VALUE: bytes(32),
    Attribute.LABEL: b"durable",
}


def test_absent_socket_is_unreachable(folder: Path) -> None:
    """Where no socket is, nothing was sent, and the error says that the socket is absent."""
    with pytest.raises(UnitUnreachable, match=r"socket absent; is the crypto unit running\?"):
        UnitModule(folder / "p11.sock")


def test_absent_folder_is_unreachable(folder: Path) -> None:
    """Where not even the folder of the socket is, the error is the same."""
    with pytest.raises(UnitUnreachable, match="socket absent"):
        UnitModule(folder / "u1" / "p11.sock")


def test_stale_socket_is_unreachable(server: "Server") -> None:
    """The socket file that a killed server leaves behind is told from a unit that answers."""
    server.stop()
    assert server.socket.exists()
    with pytest.raises(UnitUnreachable, match="Connection refused"):
        UnitModule(server.socket)


def test_paused_unit_times_out_at_connect(server: "Server") -> None:
    """A paused unit accepts connections in the kernel; the deadline ends the wait for its first byte."""
    server.signal(signal.SIGSTOP)
    with pytest.raises(UnitTimeout, match=r"no answer within 0\.3 s; is the unit paused\?"):
        UnitModule(server.socket, seconds=SHORT)


def test_paused_unit_times_out_in_a_call_and_the_module_is_closed(server: "Server") -> None:
    """After a timeout no call goes out on the old connection; a new Module makes a new one."""
    with UnitModule(server.socket, seconds=ENOUGH) as module:
        session = module.open_session(LABEL, PIN)
        server.signal(signal.SIGSTOP)
        with pytest.raises(UnitTimeout):
            drawn(session, 8)
        server.signal(signal.SIGCONT)
        assert module._connection.closed
        with pytest.raises(UnitLost, match="the connection is closed; make a new one"):
            drawn(session, 8)
        with UnitModule(server.socket) as another:
            assert len(drawn(another.open_session(LABEL, PIN), 8)) == 8
        with pytest.raises(UnitLost, match="the connection is closed"):
            drawn(session, 8)


def test_unit_killed_in_mid_call_is_lost(server: "Server", session: Session) -> None:
    """A call that waits for a unit that is then killed ends at once and says so."""
    server.signal(signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(drawn, session, 8)
        server.stop()
        with pytest.raises(UnitLost, match=r"was (it|the unit) killed\?"):
            waiting.result(2)


def test_restarted_unit_is_reached_by_a_new_connection_only(server: "Server") -> None:
    """A client of a killed and restarted unit keeps failing; a new connection works."""
    with UnitModule(server.socket) as module:
        session = module.open_session(LABEL, PIN)
        server.stop()
        server.socket.unlink()
        server.start()
        for _ in range(2):
            with pytest.raises(UnitLost):
                drawn(session, 8)
    with UnitModule(server.socket) as module:
        assert module.open_session(LABEL, PIN).find({Attribute.LABEL: b"durable"}) == []


def test_lost_reply_is_a_timeout_and_the_effect_stands(
    server: "Server", relayed: "Start", connect: "Connect"
) -> None:
    """A call whose answer is dropped is not sent again: the object exists exactly once."""

    def drop(request: Frame, reply: Frame) -> Frame | None:
        return None if call_name(request) == "C_CreateObject" else reply

    session = connect(relayed(drop), seconds=ENOUGH).open_session(LABEL, PIN, rw=True)
    with pytest.raises(UnitTimeout):
        session.create(TOKEN_KEY)
    with UnitModule(server.socket) as module:
        assert len(module.open_session(LABEL, PIN).find({Attribute.LABEL: b"durable"})) == 1


def test_truncated_reply_is_lost(relayed: "Start", connect: "Connect") -> None:
    """A connection that ends inside a reply is told from one that ends between calls."""

    def cut(request: Frame, reply: Frame) -> Frame | bytes:
        return reply.encode()[:-3] if call_name(request) == "C_GenerateRandom" else reply

    session = connect(relayed(cut)).open_session(LABEL, PIN)
    with pytest.raises(UnitLost, match="in the middle of a reply"):
        drawn(session, 8)


def test_forged_refusal_is_named_and_the_session_lives(relayed: "Start", connect: "Connect") -> None:
    """An error reply is the refusal that it names, and later calls work."""
    forged = iter([Rv.DEVICE_MEMORY])

    def forge(request: Frame, reply: Frame) -> Frame:
        refuse = call_name(request) == "C_GenerateRandom"
        code = next(forged, None) if refuse else None
        return error_reply(request, code) if code else reply

    session = connect(relayed(forge)).open_session(LABEL, PIN)
    with pytest.raises(P11Error, match="C_GenerateRandom: CKR_DEVICE_MEMORY") as refusal:
        drawn(session, 8)
    assert refusal.value.code == Rv.DEVICE_MEMORY
    assert len(drawn(session, 8)) == 8


def refuse_start(near: socket.socket) -> None:
    """Answer C_Initialize as SoftHSM does when several processes start at once."""
    near.sendall(near.recv(1))
    near.sendall(error_reply(Frame(FIRST_CODE, b""), Rv.GENERAL_ERROR).encode())
    near.recv(65536)


def test_start_race_of_softhsm_is_tried_again(relayed: "Start", connect: "Connect") -> None:
    """A general error to C_Initialize is not the last word: opening reads only, so it is tried again."""
    path = relayed(lambda _, reply: reply, refuse_start, refuse_start)
    assert len(drawn(connect(path).open_session(LABEL, PIN), 8)) == 8


def test_general_error_after_all_tries(peer: "Start") -> None:
    """Where the unit keeps answering a general error, that is what the caller gets."""
    with pytest.raises(GeneralError, match="C_Initialize: CKR_GENERAL_ERROR"):
        UnitModule(peer(*[refuse_start] * OPEN_ATTEMPTS))


def test_reply_to_no_request_is_a_protocol_error(relayed: "Start", connect: "Connect") -> None:
    """A reply with another code than the request's is not taken for an answer."""

    def shift(request: Frame, reply: Frame) -> Frame:
        moved = call_name(request) == "C_GenerateRandom"
        return Frame(reply.code + 1, reply.body) if moved else reply

    session = connect(relayed(shift)).open_session(LABEL, PIN)
    with pytest.raises(ProtocolError, match="a reply to no outstanding request"):
        drawn(session, 8)


def test_reply_of_another_call_is_a_protocol_error(relayed: "Start", connect: "Connect") -> None:
    """A reply whose call number or signature is not the request's closes the connection."""

    def swap(request: Frame, reply: Frame) -> Frame:
        other = b"\x00\x00\x00\x0a\x00\x00\x00\x01u" + bytes(8)
        return Frame(reply.code, other) if call_name(request) == "C_GenerateRandom" else reply

    module = connect(relayed(swap))
    session = module.open_session(LABEL, PIN)
    with pytest.raises(ProtocolError, match="another call number or signature"):
        drawn(session, 8)
    assert module._connection.closed


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", UnsupportedVersion, id="http"),
        pytest.param(b"\x03", UnsupportedVersion, id="later-version"),
        pytest.param(b"\x00" + b"\xff" * 12, ProtocolError, id="absurd-length"),
        pytest.param(b"", UnitLost, id="hang-up"),
    ],
)
def test_stranger_on_the_socket_is_refused(peer: "Start", sent: bytes, error: type[UnitLost]) -> None:
    """Whoever answers something else than the protocol is named as such, without a hang."""

    def answer(near: socket.socket) -> None:
        near.recv(1)
        near.sendall(sent)
        if sent:
            while near.recv(65536):
                pass

    with pytest.raises(error):
        UnitModule(peer(answer))


def test_trickling_unit_does_not_extend_the_deadline(peer: "Start") -> None:
    """A unit that sends a byte now and then is as late as one that sends none."""

    def trickle(near: socket.socket) -> None:
        near.sendall(near.recv(1))
        near.recv(65536)
        for byte in error_reply(Frame(FIRST_CODE, b""), Rv.GENERAL_ERROR).encode():
            threading.Event().wait(SHORT / 10)
            near.sendall(bytes((byte,)))
        finished.append(True)

    finished: list[bool] = []
    with pytest.raises(UnitTimeout):
        UnitModule(peer(trickle), seconds=SHORT)
    assert not finished


def test_client_that_keeps_the_lock_is_a_timeout(server: "Server") -> None:
    """Another client stuck while connecting is named; it cannot block this one for ever."""
    with server.socket.with_name("p11.sock.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(UnitTimeout, match="another client was still connecting"):
            UnitModule(server.socket, seconds=SHORT)


def test_eight_clients_connect_at_once(server: "Server") -> None:
    """Connections made at the same moment all come up, though SoftHSM cannot start in parallel."""
    with ThreadPoolExecutor(8) as pool:
        modules = list(pool.map(lambda _: UnitModule(server.socket), range(8)))
    labels = [[module.token_label(slot) for slot in module.slots()] for module in modules]
    for module in modules:
        module.close()
    assert all(LABEL in found for found in labels)


def test_token_without_initialisation_is_absent(server: "Server") -> None:
    """A unit whose token folder is empty is named, after the tries that the start race needs."""
    server.stop()
    for token in (server.folder / "tokens").iterdir():
        token.rename(server.folder / "elsewhere")
    server.socket.unlink()
    server.start()
    with pytest.raises(P11Error, match="no initialised token"):
        UnitModule(server.socket)


def test_pin_stays_out_of_errors_and_reprs(server: "Server") -> None:
    """No text that this package makes holds a PIN."""
    secret = "not-the-pin-but-secret"
    with UnitModule(server.socket) as module, pytest.raises(PinIncorrect) as refusal:
        module.open_session(LABEL, secret)
    call = Call("C_Login", (1, 1, secret.encode()))
    texts = [str(refusal.value), repr(refusal.value), repr(call), repr(Frame(16, secret.encode()))]
    assert not [text for text in texts if secret in text]


def test_refused_login_leaves_no_session(server: "Server") -> None:
    """After a wrong PIN the same connection opens a session with the right one."""
    with UnitModule(server.socket) as module:
        with pytest.raises(PinIncorrect):
            module.open_session(LABEL, "not-the-pin")
        assert drawn(module.open_session(LABEL, PIN), 4)
