"""Relays: what a caller sees where nobody serves behind one."""

import select
import socket
import threading
from pathlib import Path

import pytest

from hil.targets.hpcs.boundaries.relay import Relay

SECONDS = 5.0


def _nothing(_downstream: socket.socket, _upstream: socket.socket) -> None:
    raise AssertionError("there is no connection to carry")


@pytest.mark.parametrize("early", [True, False], ids=["sent before", "sent after"])
def test_a_caller_sees_the_end_and_never_a_reset(tmp_path: Path, *, early: bool) -> None:
    """A caller reads the end of its connection, whether its request came before that or after."""
    may_fail = threading.Event()

    def gone() -> socket.socket:
        assert may_fail.wait(SECONDS)
        raise ConnectionRefusedError

    relay = Relay(tmp_path / "r", gone, _nothing)
    try:
        with socket.socket(socket.AF_UNIX) as caller:
            caller.settimeout(SECONDS)
            caller.connect(str(tmp_path / "r"))
            if early:
                caller.sendall(b"request")
            may_fail.set()
            ended = select.poll()
            ended.register(caller, select.POLLRDHUP)
            assert ended.poll(SECONDS * 1000)
            if not early:
                caller.sendall(b"request")
            assert caller.recv(1) == b""
    finally:
        relay.close()
