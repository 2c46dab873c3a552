"""Rewrap interrupted: the service or a unit dies in the middle, and the next request finishes it.

A relay on the PKCS#11 socket acts at a chosen call; strace acts at a chosen system call. No clock decides.
"""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from hsm_emulator.wire import unixhttp
from tests.hsm_emulator.kms.service import Kms, MakeKms
from tests.hsm_emulator.kms.site import BATCH, KEYS, Site

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
def strace(kms: Kms, name: str, fault: str) -> Iterator[None]:
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


def test_unit_that_hangs_fails_the_job_at_the_deadline(make_kms: MakeKms, site: Site) -> None:
    """A call that is never answered ends the job by its deadline, and the next request starts over."""
    kms = make_kms(site.relay.path, call_seconds=1)
    key = kms.root_key()
    ciphertext, plaintext = kms.lock(key)
    site.units.new_master_key()
    held = site.held(1)
    job = kms.rewrap()
    assert (job["state"], job["rewrapped"]) == ("failed", 0)
    assert "crypto unit 1 is not available" in job["error"]
    held.set()
    assert kms.rewrap()["state"] == "done"
    assert site.kms.rewrap()["state"] == "done"
    site.units.promote()
    assert kms.unlock(key, ciphertext) == plaintext
