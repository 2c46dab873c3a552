"""HTTP messages: when one is whole, and what is refused."""

import socket

import pytest

from emulator.wire import message
from emulator.wire.message import Malformed

REQUEST = b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-LENGTH:  3 \r\nX-Two: a: b\r\n\r\nabc"


def test_whole_at_its_last_byte() -> None:
    """A request that comes byte by byte is whole with its last byte and not before."""
    seen = [message.parse(REQUEST[:end]) for end in range(len(REQUEST) + 1)]
    assert seen[:-1] == [None] * len(REQUEST)
    whole = seen[-1]
    assert whole is not None
    assert (whole.start, whole.body) == (("POST", "/a?b=c", "HTTP/1.1"), b"abc")
    assert dict(whole.fields) == {"host": "x", "content-length": "3", "x-two": "a: b"}


def test_reply_without_a_length_ends_with_its_connection() -> None:
    """A reply that does not say how long it is goes on until the connection ends; a request has no body."""
    raw = b"HTTP/1.0 200\r\n\r\nabc"
    assert message.parse(raw) is None
    reply = message.parse(raw, ended=True)
    assert reply is not None
    assert (reply.start, reply.body) == (("HTTP/1.0", "200", ""), b"abc")
    request = message.parse(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
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
        message.parse(raw)


def test_cut_short() -> None:
    """A connection that ends in mid-message, or without one, is told from an empty message."""
    for sent, words in ((b"", "without response"), (REQUEST[:-1], "mid-message")):
        near, far = socket.socketpair()
        with near, far:
            near.sendall(sent)
            near.shutdown(socket.SHUT_WR)
            with pytest.raises(EOFError, match=words):
                message.receive(far)


def test_encoded_is_parsed() -> None:
    """What is encoded here is read here."""
    whole = message.parse(message.encode("GET / HTTP/1.1", {"Host": "x"}, b"{}"))
    assert whole is not None
    assert (whole.fields["host"], whole.fields["connection"], whole.body) == ("x", "close", b"{}")
