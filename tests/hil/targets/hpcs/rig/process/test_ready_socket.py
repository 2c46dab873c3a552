"""The ready socket: a process of the rig says that it is ready, and one that has ended will not."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.targets.hpcs.rig.layout import scratch
from hil.targets.hpcs.rig.process.ready import NotReady
from hil.targets.hpcs.rig.process.ready_socket import ReadySocket
from hsm_emulator import notify


@pytest.fixture
def ready_socket(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReadySocket]:
    """A ready socket to which this process writes."""
    folder = scratch("hil-ready-")
    ready_socket = ReadySocket(folder / "n")
    monkeypatch.setenv("NOTIFY_SOCKET", str(ready_socket.path))
    yield ready_socket
    ready_socket.close()
    folder.rmdir()


def test_ready_before_or_while_waiting(ready_socket: ReadySocket) -> None:
    """A message that came is seen, once."""
    notify.ready()
    ready_socket.wait(lambda: None, "it", 10)
    with pytest.raises(NotReady, match=r"it was not ready within 0\.2 s"):
        ready_socket.wait(lambda: None, "it", 0.2)


def test_a_message_from_before_does_not_count(ready_socket: ReadySocket) -> None:
    """A socket that was drained does not report what came before."""
    notify.ready()
    ready_socket.drain()
    with pytest.raises(NotReady, match="it ended with exit code 3, see its log"):
        ready_socket.wait(lambda: 3, "it", 10)


def test_nobody_listens(ready_socket: ReadySocket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is to tell nobody, or somebody who has gone, goes on."""
    monkeypatch.delenv("NOTIFY_SOCKET")
    notify.ready()
    monkeypatch.setenv("NOTIFY_SOCKET", str(ready_socket.path.with_name("nobody")))
    notify.ready()
    with pytest.raises(NotReady):
        ready_socket.wait(lambda: 0, "it", 10)


def test_a_stale_socket_is_replaced(ready_socket: ReadySocket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that a dead bench has left in the place is no hindrance."""
    path = Path(f"{ready_socket.path}2")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stale:
        stale.bind(str(path))
    again = ReadySocket(path)
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    notify.ready()
    again.wait(lambda: None, "it", 10)
    again.close()
