"""The bell: a process of the rig says that it is ready, and one that has ended will not."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.targets.hpcs.rig.layout import scratch
from hil.targets.hpcs.rig.process.bell import Bell
from hil.targets.hpcs.rig.process.ready import NotReady
from hsm_emulator import notify


@pytest.fixture
def bell(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bell]:
    """A bell that this process rings."""
    folder = scratch("hil-bell-")
    bell = Bell(folder / "n")
    monkeypatch.setenv("NOTIFY_SOCKET", str(bell.path))
    yield bell
    bell.close()
    folder.rmdir()


def test_rung_before_or_while_waiting(bell: Bell) -> None:
    """What has rung is heard, once."""
    notify.ready()
    bell.heard(lambda: None, "it", 10)
    with pytest.raises(NotReady, match=r"it was not ready within 0\.2 s"):
        bell.heard(lambda: None, "it", 0.2)


def test_what_rang_before_does_not_count(bell: Bell) -> None:
    """A bell that was made quiet does not ring for what came before."""
    notify.ready()
    bell.quiet()
    with pytest.raises(NotReady, match="it ended with exit code 3, see its log"):
        bell.heard(lambda: 3, "it", 10)


def test_nobody_listens(bell: Bell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is to tell nobody, or somebody who has gone, goes on."""
    monkeypatch.delenv("NOTIFY_SOCKET")
    notify.ready()
    monkeypatch.setenv("NOTIFY_SOCKET", str(bell.path.with_name("nobody")))
    notify.ready()
    with pytest.raises(NotReady):
        bell.heard(lambda: 0, "it", 10)


def test_a_stale_socket_is_replaced(bell: Bell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that a dead bench has left in the place is no hindrance."""
    path = Path(f"{bell.path}2")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stale:
        stale.bind(str(path))
    again = Bell(path)
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    notify.ready()
    again.heard(lambda: None, "it", 10)
    again.close()
