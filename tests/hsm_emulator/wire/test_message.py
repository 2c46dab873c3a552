"""HTTP messages: when one is whole, and what is refused."""

import socket
import threading
import time
from contextlib import suppress

import pytest

from hsm_emulator.wire import message
from hsm_emulator.wire.message import Malformed, Message, Reader

REQUEST = b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-LENGTH:  3 \r\nX-Two: a: b\r\n\r\nabc"

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
SECONDS = 5.0


def _parsed(raw: bytes) -> Message | None:
    return Reader().take(raw)


def test_whole_at_its_last_byte() -> None:
    """A request that comes byte by byte is whole with its last byte and not before."""
    reader = Reader()
    seen = [reader.take(REQUEST[at : at + 1]) for at in range(len(REQUEST))]
    assert seen[:-1] == [None] * (len(REQUEST) - 1)
    whole = seen[-1]
    assert whole is not None
    assert (whole.start, whole.body) == (("POST", "/a?b=c", "HTTP/1.1"), b"abc")
    assert dict(whole.fields) == {"host": "x", "content-length": "3", "x-two": "a: b"}


def test_reply_without_a_length_ends_with_its_connection() -> None:
    """A reply that does not say how long it is goes on until the connection ends; a request has no body."""
    reader = Reader(replies=True)
    assert reader.take(b"HTTP/1.0 200\r\n\r\nabc") is None
    reply = reader.take(b"")
    assert reply is not None
    assert (reply.start, reply.body) == (("HTTP/1.0", "200", ""), b"abc")
    request = _parsed(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert request is not None
    assert request.body == b""


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 17000000\r\n\r\n" + b"x" * 17_000_000,
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET /\r\n\r\n",
        b"x" * (message.HEAD_BYTES_MAX + 1),
    ],
)
def test_refused(raw: bytes) -> None:
    """What has no length, no first line, no names, no host, or too much of a head or body, is refused."""
    with pytest.raises(Malformed):
        _parsed(raw)


def test_cut_short() -> None:
    """A connection that ends in mid-message, or without one, is told from an empty message."""
    for sent, words in ((b"", "without response"), (REPLY[:-1], "mid-message")):
        near, far = socket.socketpair()
        with near, far:
            near.sendall(sent)
            near.shutdown(socket.SHUT_WR)
            with pytest.raises(EOFError, match=words):
                message.receive(far, time.monotonic() + SECONDS)


@pytest.mark.parametrize("unread", [b"", b"x"])
def test_one_text_for_a_server_that_is_gone(unread: bytes) -> None:
    """A server that ended without an answer reads the same, whether it had read all it was sent or not."""
    near, far = socket.socketpair()
    with far:
        far.sendall(unread)
        near.close()
        with pytest.raises(EOFError, match="Remote end closed connection without response"):
            message.receive(far, time.monotonic() + SECONDS)


def test_a_reply_that_trickles() -> None:
    """A deadline is one of the whole reply; bytes that go on coming do not put it off."""
    near, far = socket.socketpair()
    ended = threading.Event()

    def trickle() -> None:
        with suppress(BrokenPipeError):
            for _ in range(200):
                near.sendall(b"HTTP/1.1 200 OK\r\nX: " if not ended.is_set() else b"")
                if ended.wait(0.05):
                    return

    with near, far:
        near.sendall(b"HTTP/1.1 200 OK\r\n")
        feeder = threading.Thread(target=trickle)
        feeder.start()
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            message.receive(far, began + 0.5)
        ended.set()
        feeder.join(SECONDS)
    assert time.monotonic() - began < SECONDS


def test_encoded_is_parsed() -> None:
    """What is encoded here is read here."""
    whole = _parsed(message.encode("GET / HTTP/1.1", {"Host": "x"}, b"{}"))
    assert whole is not None
    assert (whole.fields["host"], whole.fields["connection"], whole.body) == ("x", "close", b"{}")
