"""Rewrap interrupted: the service, a unit or the client dies in the middle, and the next request finishes it.

A relay on the PKCS#11 socket acts at a chosen call; strace acts at a chosen system call. No clock decides.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from emulator.wire import unixhttp
from emulator.wire.frames import FrameReader, call_name

if TYPE_CHECKING:
    from tests.emulator.kms.conftest import Json, Kms, MakeKms, Units

KEYS = 7
BATCH = 3


class Relay:
    """Stands between the service and a unit's PKCS#11 and acts before the chosen call passes on."""

    def __init__(self, path: Path, upstream: Path) -> None:
        self.path, self._upstream = path, upstream
        self._trigger: tuple[str, int] | None = None
        self._action: Callable[[], None] = lambda: None
        self._counts: Counter[str] = Counter()
        self.reached = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, name: str, ordinal: int, action: Callable[[], None]) -> None:
        """Act before the ``ordinal``-th call ``name`` from now on."""
        self._counts.clear()
        self.reached.clear()
        self._trigger, self._action = (name, ordinal), action

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(str(self._upstream))
            except OSError:
                client.close()
                server.close()
                continue
            for target, ends in ((self._requests, (client, server)), (_replies, (server, client))):
                threading.Thread(target=_until_closed, args=(target, *ends), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        reader, greeted = FrameReader(), False
        while data := client.recv(65536):
            frames = reader.feed(data)
            if not greeted:
                server.sendall(data[:1])
                greeted = True
            for frame in frames:
                name = call_name(frame)
                self._counts[name] += 1
                if (name, self._counts[name]) == self._trigger:
                    self._trigger = None
                    self.reached.set()
                    self._action()
                server.sendall(frame.encode())


def _replies(server: socket.socket, client: socket.socket) -> None:
    while data := server.recv(65536):
        client.sendall(data)


def _until_closed(
    target: Callable[[socket.socket, socket.socket], None], source: socket.socket, sink: socket.socket
) -> None:
    with source, sink:
        with suppress(OSError):
            target(source, sink)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class Site:
    """A service with keys behind a relay, and what each key has locked."""

    def __init__(self, kms: "Kms", units: "Units", relay: Relay) -> None:
        self.kms, self.units, self.relay = kms, units, relay
        self.locked = {key: kms.lock(key) for key in (kms.root_key() for _ in range(KEYS))}

    def finish(self, new: str) -> None:
        """Request the rewrap again, promote, and find every key readable."""
        assert self.kms.rewrap() == {
            "state": "done", "from": self.units.current, "to": new,
            "rewrapped": KEYS, "total": KEYS, "error": None,
        }  # fmt: skip
        self.units.promote()
        for key, (ciphertext, plaintext) in self.locked.items():
            assert self.kms.unlock(key, ciphertext) == plaintext
        assert self.kms.master_keys() == {new}

    def killed(self) -> int:
        """Wait for the end of the service and return how it ended."""
        assert self.kms.process is not None
        return self.kms.process.wait(20)


@pytest.fixture(scope="module")
def site(units: "Units", kms_class: type["Kms"]) -> Iterator[Site]:
    """One site for the module; each test rotates it forward."""
    folder = Path(tempfile.mkdtemp(prefix="kms", dir="/dev/shm"))
    relay = Relay(folder / "p11.sock", units.all[0].sockets / "p11.sock")
    kms = kms_class(folder, units, relay.path, batch=BATCH)
    kms.start()
    yield Site(kms, units, relay)
    kms.kill()
    relay.close()
    shutil.rmtree(folder)


# The first, a middle and the last call of each kind in batches of three over seven rows.
CALLS = (
    *(("C_DigestKey", ordinal) for ordinal in (1, 2)),
    *(("C_UnwrapKey", ordinal) for ordinal in (1, 5, 7)),
    *(("C_WrapKey", ordinal) for ordinal in (1, 5, 7)),
    *(("C_DestroyObject", ordinal) for ordinal in (1, 5, 7)),
)


@pytest.mark.parametrize(("name", "ordinal"), CALLS)
def test_service_killed_at_a_pkcs11_call(site: Site, name: str, ordinal: int) -> None:
    """SIGKILL of the service at any call of the job: whole batches are done, a new request does the rest."""
    old, new = site.units.current, site.units.new_master_key()
    site.relay.arm(name, ordinal, site.kms.kill)
    with suppress(unixhttp.Unreachable):
        site.kms.post("rotation/rewrap")
    assert site.killed() == -signal.SIGKILL
    done = [row.mk_id.hex() for row in site.kms.rows()].count(new)
    batches = 0 if name == "C_DigestKey" else (ordinal - 1) // BATCH
    assert done == batches * BATCH
    site.kms.start()
    assert site.kms.get("rotation")["rows"].get(old, 0) == KEYS - done
    site.finish(new)


# The first opens the rotation, a transaction in a thread of its own; the others are in batches.
SYSTEM_CALLS = (("fdatasync", 1), ("fdatasync", 5), ("pwrite64", 12), ("unlink", 2), ("unlink", 3))


@contextmanager
def strace(kms: "Kms", name: str, fault: str) -> Iterator[None]:
    """Inject a fault into a system call of the running service; strace counts each thread by itself."""
    assert kms.process is not None
    options = ["-f", "-e", f"trace={name}", "-e", f"inject={name}:{fault}", "-p", str(kms.process.pid)]
    with subprocess.Popen(["strace", *options], stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        assert "attached" in tracer.stderr.readline()
        yield
        if kms.process.poll() is None:
            tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=10)


@pytest.mark.parametrize(("name", "ordinal"), SYSTEM_CALLS)
def test_service_killed_in_a_transaction(site: Site, name: str, ordinal: int) -> None:
    """SIGKILL in the middle of a transaction leaves each batch done or not, a new request does the rest."""
    new = site.units.new_master_key()
    with strace(site.kms, name, f"signal=SIGKILL:when={ordinal}"):
        with suppress(unixhttp.Unreachable):
            site.kms.request("POST", "rotation/rewrap", {})
        assert site.killed() == -signal.SIGKILL
    done = [row.mk_id.hex() for row in site.kms.rows()].count(new)
    assert done % BATCH == 0
    site.kms.start()
    site.finish(new)


def test_full_disk_fails_the_job_and_keeps_the_rows(site: Site) -> None:
    """A write that finds no space ends the job, and once there is space a new request does the rest."""
    new = site.units.new_master_key()
    with strace(site.kms, "pwrite64", "error=ENOSPC:when=12"):
        job = site.kms.rewrap()
    assert (job["state"], job["error"]) == ("failed", "key store: database or disk is full")
    assert [row.mk_id.hex() for row in site.kms.rows()].count(new) % BATCH == 0
    site.finish(new)


@pytest.mark.parametrize(("name", "ordinal"), [("C_DigestKey", 1), ("C_UnwrapKey", 5), ("C_WrapKey", 2)])
def test_unit_killed_in_a_rewrap(site: Site, name: str, ordinal: int) -> None:
    """A unit that dies fails the job by its number, the service lives on, a new request does the rest."""
    new, unit = site.units.new_master_key(), site.units.all[0]
    site.relay.arm(name, ordinal, unit.kill)
    job = site.kms.rewrap()
    assert site.relay.reached.is_set()
    assert job["state"] == "failed"
    assert "crypto unit 1 is not available" in job["error"]
    unit.start()
    site.finish(new)


def test_unit_that_hangs_fails_the_job_at_the_deadline(make_kms: "MakeKms", site: Site) -> None:
    """A call that is never answered ends the job by its deadline, and the next request starts over."""
    kms = make_kms(site.relay.path, call_seconds=1)
    held = threading.Event()
    key = kms.root_key()
    ciphertext, plaintext = kms.lock(key)
    site.units.new_master_key()
    site.relay.arm("C_WrapKey", 1, lambda: _expect(held))
    job = kms.rewrap()
    assert (job["state"], job["rewrapped"]) == ("failed", 0)
    assert "crypto unit 1 is not available" in job["error"]
    held.set()
    assert kms.rewrap()["state"] == "done"
    assert site.kms.rewrap()["state"] == "done"
    site.units.promote()
    assert kms.unlock(key, ciphertext) == plaintext


def _expect(event: threading.Event) -> None:
    assert event.wait(20)


def _sent(kms: "Kms", method: str, path: str) -> socket.socket:
    """Send a request and return the connection, on which the answer will come."""
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(kms.socket))
    head = f"{method} /api/v2/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {kms.token}\r\n\r\n"
    client.sendall(head.encode())
    return client


def _abandon(kms: "Kms", method: str, path: str) -> None:
    """Send a request and go away without reading the answer."""
    _sent(kms, method, path).close()


def test_a_running_job_is_joined_and_outlives_its_client(make_kms: "MakeKms", site: Site) -> None:
    """A second request joins; a client that goes away changes nothing; a key purged meanwhile stays gone."""
    kms = make_kms(site.relay.path, batch=2)
    locked = {key: kms.lock(key) for key in (kms.root_key() for _ in range(6))}
    purged, destroyed, *kept = sorted(locked)
    new, held = site.units.new_master_key(), threading.Event()
    site.relay.arm("C_WrapKey", 1, lambda: _expect(held))
    started = kms.post("rotation/rewrap")["job"]
    joined: Json = kms.post("rotation/rewrap")["job"]
    assert (started["state"], joined["state"], joined["to"]) == ("running", "running", new)
    _abandon(kms, "GET", "rotation/rewrap?wait=30")
    assert kms.get("rotation/rewrap")["job"]["state"] == "running"
    assert kms.request("DELETE", f"keys/{destroyed}").ok
    kms.purge(purged)
    held.set()
    job = kms.get("rotation/rewrap?wait=30")["job"]
    assert (job["state"], job["rewrapped"], job["total"]) == ("done", 5, 5)
    assert site.kms.rewrap()["state"] == "done"
    site.units.promote()
    kms.post(f"keys/{destroyed}/restore")
    assert {key: kms.unlock(key, locked[key][0]) for key in (destroyed, *kept)} == {
        key: locked[key][1] for key in (destroyed, *kept)
    }
    assert purged not in {row.key_id for row in kms.rows()}


WAITING = 60  # more than the threads of the service


def test_requests_that_wait_hold_nobody_up(make_kms: "MakeKms", site: Site) -> None:
    """However many requests wait for a job, others are served, the impatient get 202, the job needs none."""
    kms = make_kms(site.relay.path, batch=2)
    for _ in range(3):
        kms.root_key()
    new, held = site.units.new_master_key(), threading.Event()
    site.relay.arm("C_WrapKey", 1, lambda: _expect(held))
    impatient = kms.request("POST", "rotation/rewrap?wait=0.01", {})
    assert (impatient.status, impatient.body["job"]["state"]) == (202, "running")
    with ExitStack() as clients:
        waiting = [
            clients.enter_context(_sent(kms, "POST", "rotation/rewrap?wait=30")) for _ in range(WAITING)
        ]
        _abandon(kms, "POST", "rotation/rewrap?wait=30")
        assert kms.get("keys")["metadata"]["total"] == 3
        held.set()
        for client in waiting:
            client.settimeout(20)
            assert client.recv(64).startswith(b"HTTP/1.1 200 OK")
    assert kms.get("rotation/rewrap")["job"]["state"] == "done"
    assert kms.master_keys() == {new}
    assert site.kms.rewrap()["state"] == "done"
    site.units.promote()


def test_sigterm_ends_the_service_in_a_job(make_kms: "MakeKms", site: Site) -> None:
    """SIGTERM ends a service whose job and whose long poll are under way; the next one does the rest."""
    kms = make_kms(site.relay.path, batch=2)
    for _ in range(5):
        kms.root_key()
    new, held = site.units.new_master_key(), threading.Event()
    site.relay.arm("C_WrapKey", 3, lambda: _expect(held))
    kms.post("rotation/rewrap")
    _expect(site.relay.reached)
    _abandon(kms, "GET", "rotation/rewrap?wait=30")
    assert kms.process is not None
    os.kill(kms.process.pid, signal.SIGTERM)
    held.set()
    kms.process.wait(10)
    kms.start()
    assert kms.rewrap()["state"] == "done"
    assert kms.master_keys() == {new}
    assert site.kms.rewrap()["state"] == "done"
    site.units.promote()


def test_sighup_ends_a_job_and_answers_who_waits(make_kms: "MakeKms", site: Site) -> None:
    """SIGHUP ends the job, answers the long poll and forgets both; the next request does the rest."""
    kms = make_kms(site.relay.path, batch=2)
    for _ in range(5):
        kms.root_key()
    new, held = site.units.new_master_key(), threading.Event()
    site.relay.arm("C_WrapKey", 1, lambda: _expect(held))
    kms.post("rotation/rewrap")
    _expect(site.relay.reached)
    with _sent(kms, "GET", "rotation/rewrap?wait=30") as waiting:
        kms.get("keys")  # it is read by now
        assert kms.process is not None
        os.kill(kms.process.pid, signal.SIGHUP)
        held.set()
        waiting.settimeout(20)
        assert waiting.recv(64).startswith(b"HTTP/1.1 200 OK")
    assert kms.get("rotation/rewrap")["job"]["state"] == "idle"
    assert kms.rewrap()["state"] == "done"
    assert kms.master_keys() == {new}
    assert site.kms.rewrap()["state"] == "done"
    site.units.promote()
