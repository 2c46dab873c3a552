"""SIGHUP: the service ends what it has under way, forgets what it knows, and begins again from its files."""

import json
import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hil.targets.hpcs.rig.process import ready
from hsm_emulator import bearer
from tests.hsm_emulator.kms.service import Kms, MakeKms
from tests.hsm_emulator.kms.units import Units

SECONDS = 30.0
CONNECTED = "03"
ANOTHER = "another-secret-of-the-instance-under-test"
Hang = Callable[[Kms], None]


@pytest.fixture
def hang_up(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hang]:
    """Send SIGHUP and wait until the service says that it is ready again."""
    path = tmp_path_factory.mktemp("n") / "n"
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as starter:
        starter.bind(str(path))
        starter.settimeout(SECONDS)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))

        def hang(kms: Kms) -> None:
            assert kms.process is not None
            starter.recv(64)  # its start
            kms.process.send_signal(signal.SIGHUP)
            assert starter.recv(64) == b"READY=1"

        yield hang


def _connections(units: Units) -> int:
    """Return how many connections the units' PKCS#11 sockets have, see proc(5)."""
    doors = {unit.described["p11_socket"] for unit in units}
    rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    return sum(row[5] == CONNECTED and row[-1] in doors for row in rows)


def test_files_that_were_replaced_are_what_counts(hang_up: Hang, make_kms: MakeKms) -> None:
    """After it the configuration, the secret of tokens and the key store are those that stand there now."""
    kms = make_kms()
    copy = kms.folder / "copy.sqlite"
    shutil.copy2(kms.store, copy)
    kms.root_key()
    config = json.loads(kms.config.read_text())
    kms.config.write_text(json.dumps({**config, "store": str(copy)}))
    (kms.folder / "iam.secret").write_text(ANOTHER)
    assert kms.get("keys")["metadata"]["total"] == 1
    hang_up(kms)
    assert kms.request("GET", "keys").status == 401
    kms.token = bearer.issue(ANOTHER, "test")
    assert kms.get("keys")["metadata"]["total"] == 0


def test_connections_and_the_latest_job_are_forgotten(hang_up: Hang, make_kms: MakeKms, units: Units) -> None:
    """A finished rewrap is not told any more, no connection to a unit stays, and work goes on."""
    kms = make_kms()
    key = kms.root_key()
    ciphertext, plaintext = kms.lock(key)
    units.new_master_key()
    assert kms.rewrap()["state"] == "done"
    units.promote()
    assert _connections(units) == 1
    hang_up(kms)
    ready.until(lambda: _connections(units) == 0, "the end of the connection", SECONDS)
    assert kms.get("rotation/rewrap")["job"]["state"] == "idle"
    assert kms.unlock(key, ciphertext) == plaintext


def test_a_service_that_cannot_begin_again_ends(make_kms: MakeKms) -> None:
    """A configuration that does not fit any more is a usage error, as it is at a start."""
    kms = make_kms()
    kms.config.write_text("{}")
    assert kms.process is not None
    os.kill(kms.process.pid, signal.SIGHUP)
    assert kms.process.wait(SECONDS) == 64
