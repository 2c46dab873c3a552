"""A job that is under way: who joins it, who waits for it, and what ends it. The relay holds it at a call."""

import os
import signal
import socket
from contextlib import ExitStack

from tests.hsm_emulator.kms.service import Kms, MakeKms
from tests.hsm_emulator.kms.site import Site, expect


def _sent(kms: Kms, method: str, path: str) -> socket.socket:
    """Send a request and return the connection, on which the answer will come."""
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(kms.socket))
    head = f"{method} /api/v2/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {kms.token}\r\n\r\n"
    client.sendall(head.encode())
    return client


def _abandon(kms: Kms, method: str, path: str) -> None:
    """Send a request and go away without reading the answer."""
    _sent(kms, method, path).close()


def test_a_running_job_is_joined_and_outlives_its_client(make_kms: MakeKms, site: Site) -> None:
    """A second request joins; a client that goes away changes nothing; a key purged meanwhile stays gone."""
    kms = make_kms(site.relay.path, batch=2)
    locked = {key: kms.lock(key) for key in (kms.root_key() for _ in range(6))}
    purged, destroyed, *kept = sorted(locked)
    new, held = site.units.new_master_key(), site.held(1)
    started = kms.post("rotation/rewrap")["job"]
    joined = kms.post("rotation/rewrap")["job"]
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


def test_requests_that_wait_hold_nobody_up(make_kms: MakeKms, site: Site) -> None:
    """However many requests wait for a job, others are served, the impatient get 202, the job needs none."""
    kms = make_kms(site.relay.path, batch=2)
    for _ in range(3):
        kms.root_key()
    new, held = site.units.new_master_key(), site.held(1)
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
    site.finish_other(kms, new)


def test_sigterm_ends_the_service_in_a_job(make_kms: MakeKms, site: Site) -> None:
    """SIGTERM ends a service whose job and whose long poll are under way; the next one does the rest."""
    kms = make_kms(site.relay.path, batch=2)
    for _ in range(5):
        kms.root_key()
    new, held = site.units.new_master_key(), site.held(3)
    kms.post("rotation/rewrap")
    expect(site.relay.reached)
    _abandon(kms, "GET", "rotation/rewrap?wait=30")
    assert kms.process is not None
    os.kill(kms.process.pid, signal.SIGTERM)
    held.set()
    kms.process.wait(10)
    kms.start()
    assert kms.rewrap()["state"] == "done"
    site.finish_other(kms, new)


def test_sighup_ends_a_job_and_answers_who_waits(make_kms: MakeKms, site: Site) -> None:
    """SIGHUP ends the job, answers the long poll and forgets both; the next request does the rest."""
    kms = make_kms(site.relay.path, batch=2)
    for _ in range(5):
        kms.root_key()
    new, held = site.units.new_master_key(), site.held(1)
    kms.post("rotation/rewrap")
    expect(site.relay.reached)
    with _sent(kms, "GET", "rotation/rewrap?wait=30") as waiting:
        kms.get("keys")  # it is read by now
        assert kms.process is not None
        os.kill(kms.process.pid, signal.SIGHUP)
        held.set()
        waiting.settimeout(20)
        assert waiting.recv(64).startswith(b"HTTP/1.1 200 OK")
    assert kms.get("rotation/rewrap")["job"]["state"] == "idle"
    assert kms.rewrap()["state"] == "done"
    site.finish_other(kms, new)
