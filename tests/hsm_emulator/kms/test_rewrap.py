"""The rewrap job and the gate end to end: real crypto units, real service, keys in every state."""

import sqlite3
from contextlib import closing

import pytest

from hsm_emulator.wire import unixhttp
from tests.hsm_emulator.kms.service import Kms, MakeKms
from tests.hsm_emulator.kms.units import Json, Units

POLICIES = ("in-place", "staged")


@pytest.fixture(autouse=True)
def settled(units: Units) -> None:
    """Whatever an earlier test left, all units start with one current and no new master key."""
    if len({unit.pattern("current") for unit in units}) > 1:
        units.promote(*[unit for unit in units if unit.query()["registers"]["new"]["state"] != "Empty"])
    for unit in units:
        unit.command("clrnew")


def refused(reply: unixhttp.Reply, code: str, status: int = 409) -> str:
    """Check a refusal and return its text."""
    assert (reply.status, reply.body.get("error", {}).get("code")) == (status, code), reply
    return reply.message


def populate(kms: Kms) -> dict[str, list[tuple[str, str]]]:
    """Make a root key in every state, the active one with retired versions; return what each has locked."""
    locked = {}
    for state in ("active", "disable", "deactivate", "destroy"):
        key = kms.root_key(state)
        locked[key] = [kms.lock(key)]
        if state == "active":
            for _ in range(2):
                kms.post(f"keys/{key}/actions/rotate")
                locked[key].append(kms.lock(key))
        elif state == "destroy":
            assert kms.request("DELETE", f"keys/{key}").ok
        else:
            kms.post(f"keys/{key}/actions/{state}")
    return locked


def check_readable(kms: Kms, locked: dict[str, list[tuple[str, str]]]) -> None:
    """Bring every key back into use and unwrap everything it has ever locked."""
    for key, pairs in locked.items():
        state = kms.get(f"keys/{key}/metadata")["state"]
        if state == "destroyed":
            kms.post(f"keys/{key}/restore")
        if state == "suspended":
            kms.post(f"keys/{key}/actions/enable")
        assert [kms.unlock(key, ciphertext) for ciphertext, _ in pairs] == [plain for _, plain in pairs]


def in_progress(kms: Kms) -> bool:
    """Whether the service says that a rotation is open."""
    return bool(kms.get("rotation")["in_progress"])


@pytest.mark.parametrize("policy", POLICIES)
def test_a_rotation_keeps_every_key_of_every_state(make_kms: MakeKms, units: Units, policy: str) -> None:
    """After rewrap and set immediate every version of every key opens what it locked, in either policy."""
    kms = make_kms(policy=policy)
    locked = populate(kms)
    standard = kms.post("keys", {"name": "s", "type": "standard_key", "payload": "AAECAwQFBgcICQoLDA0ODw=="})
    old, new = units.current, units.new_master_key()
    job = kms.rewrap()
    assert job == {
        "state": "done", "from": old, "to": new, "rewrapped": 7, "total": 7, "error": None,
    }  # fmt: skip
    assert kms.master_keys() == ({new} if policy == "in-place" else {old})
    units.promote()
    check_readable(kms, locked)
    assert kms.get(f"keys/{standard['id']}")["payload"] == "AAECAwQFBgcICQoLDA0ODw=="
    assert kms.get("rotation")["rows"] == {new: 7}
    assert not in_progress(kms)


def test_a_second_request_rewraps_nothing_and_succeeds(kms: Kms, units: Units) -> None:
    """Rewrap is idempotent: rows under the new master key are recognised by its id and left alone."""
    populate(kms)
    units.new_master_key()
    first, rows = kms.rewrap(), kms.rows()
    assert kms.rewrap() == first
    assert kms.rows() == rows


def test_a_request_that_waits_is_answered_with_the_ended_job(kms: Kms, units: Units) -> None:
    """One request with ``wait`` is the whole rewrap: 200 and the job, done; again where nothing is left."""
    populate(kms)
    new = units.new_master_key()
    for _ in range(2):
        reply = kms.request("POST", "rotation/rewrap?wait=30", {})
        job = reply.body["job"]
        assert (reply.status, job["state"], job["to"], job["rewrapped"]) == (200, "done", new, 6)
        assert kms.master_keys() == {new}


def test_the_job_is_idle_before_the_first_request(kms: Kms) -> None:
    """A service that has run no job says so at once, also to a long poll."""
    assert kms.get("rotation/rewrap?wait=2.5")["job"] == {
        "state": "idle", "from": None, "to": None, "rewrapped": 0, "total": 0, "error": None,
    }  # fmt: skip


def workloads(kms: Kms, key: str, gone: str, ciphertext: str) -> dict[str, unixhttp.Reply]:
    """Try everything that the gate has to keep out."""
    new = {"name": "x", "type": "root_key"}
    return {
        "create": kms.request("POST", "keys", new),
        "rotate": kms.request("POST", f"keys/{key}/actions/rotate", {}),
        "wrap": kms.request("POST", f"keys/{key}/actions/wrap", {}),
        "unwrap": kms.request("POST", f"keys/{key}/actions/unwrap", {"ciphertext": ciphertext}),
        "rewrap": kms.request("POST", f"keys/{key}/actions/rewrap", {"ciphertext": ciphertext}),
        "restore": kms.request("POST", f"keys/{gone}/restore", {}),
    }


def test_workloads_wait_until_the_last_unit_has_promoted(kms: Kms, units: Units) -> None:
    """From rewrap to the last set immediate, and over a restart, workloads are refused; then they run."""
    key, gone = kms.root_key(), kms.root_key()
    ciphertext, _ = kms.lock(key)
    kms.request("DELETE", f"keys/{gone}")
    units.new_master_key()
    assert all(reply.ok for reply in workloads(kms, key, gone, ciphertext).values())
    kms.request("DELETE", f"keys/{gone}")
    kms.rewrap()
    rows = kms.rows()
    for step in ("rewrapped", "restarted", "half promoted"):
        if step == "restarted":
            kms.kill()
            kms.start()
        if step == "half promoted":
            units.promote(units.all[0])
        for reply in workloads(kms, key, gone, ciphertext).values():
            refused(reply, "ROTATION_IN_PROGRESS")
        assert in_progress(kms)
        assert kms.rows() == rows
    units.promote(units.all[1])
    assert all(reply.ok for reply in workloads(kms, key, gone, ciphertext).values())
    assert not in_progress(kms)


def test_looking_and_deleting_go_on_during_a_rotation(kms: Kms, units: Units) -> None:
    """List, metadata, state changes and delete work while workloads wait, and a deleted key keeps its row."""
    key, suspended = kms.root_key(), kms.root_key()
    ciphertext, plaintext = kms.lock(key)
    new = units.new_master_key()
    kms.rewrap()
    assert kms.get("keys")["metadata"]["total"] == 2
    assert kms.request("DELETE", f"keys/{key}").body["state"] == "destroyed"
    kms.post(f"keys/{suspended}/actions/disable")
    assert kms.get(f"keys/{suspended}/metadata")["state"] == "suspended"
    units.promote()
    kms.post(f"keys/{key}/restore")
    assert kms.unlock(key, ciphertext) == plaintext
    assert kms.master_keys() == {new}


def test_rows_under_an_unknown_master_key_refuse_the_rewrap(kms: Kms, units: Units) -> None:
    """Where the NEW master key of rewrapped rows was replaced, no row is touched and their number is told."""
    populate(kms)
    lost = units.new_master_key()
    kms.rewrap()
    units.new_master_key()
    rows = kms.rows()
    text = refused(kms.request("POST", "rotation/rewrap", {}), "UNKNOWN_MASTER_KEY")
    assert "6 keys are under a master key that is in no register" in text
    assert lost in text
    assert kms.rows() == rows
    units.promote()
    refused(kms.request("POST", "keys", {"name": "x", "type": "root_key"}), "ROTATION_IN_PROGRESS")


def test_staged_rows_survive_the_loss_of_the_new_master_key(make_kms: MakeKms, units: Units) -> None:
    """With the staged policy the same mistake costs nothing: rewrap goes to the replacement."""
    kms = make_kms(policy="staged")
    locked = populate(kms)
    units.new_master_key()
    kms.rewrap()
    new = units.new_master_key()
    assert kms.rewrap()["state"] == "done"
    units.promote()
    check_readable(kms, locked)
    assert kms.master_keys() == {new}


def test_a_staged_rotation_is_finished_before_the_next_begins(make_kms: MakeKms, units: Units) -> None:
    """Two rotations with no workload between them: the second finds the rows of the first promoted."""
    kms = make_kms(policy="staged")
    locked = populate(kms)
    for _ in range(2):
        new = units.new_master_key()
        assert kms.rewrap()["state"] == "done"
        units.promote()
    check_readable(kms, locked)
    assert kms.master_keys() == {new}


def unready(units: Units, what: str) -> str:
    """Bring the registers out of step; return what the refusal says."""
    first, second = units
    if what == "no new":
        return "the new master key register is not Full Committed in crypto units 1, 2"
    if what == "uncommitted":
        second.load((b"\1" * 32, b"\2" * 32))
        first.load((b"\1" * 32, b"\2" * 32))
        first.command("commit", {"pattern": first.pattern("new")})
        return "the new master key register is not Full Committed in crypto units 2"
    units.new_master_key()
    if what == "differing new":
        second.command("clrnew")
        second.load((b"\3" * 32, b"\4" * 32))
        second.command("commit", {"pattern": second.pattern("new")})
        return "the new master key registers differ: unit 1"
    units.promote(first)
    return "the current master key registers differ: unit 1"


@pytest.mark.parametrize("what", ["no new", "uncommitted", "differing new", "half promoted"])
def test_registers_out_of_step_refuse_the_rewrap(kms: Kms, units: Units, what: str) -> None:
    """A rewrap that the registers do not allow is refused by name, touches no row and closes no gate."""
    kms.root_key()
    rows = kms.rows()
    expected = unready(units, what)
    assert expected in refused(kms.request("POST", "rotation/rewrap", {}), "REGISTERS")
    assert kms.rows() == rows
    assert not in_progress(kms)


def test_a_silent_unit_refuses_the_rewrap(kms: Kms, units: Units) -> None:
    """Where one unit does not answer nothing begins, and the rotation shows which one it is."""
    key = kms.root_key()
    units.new_master_key()
    unit = units.all[1]
    unit.kill()
    text = refused(kms.request("POST", "rotation/rewrap", {}), "UNIT_UNAVAILABLE", 503)
    assert "crypto unit 2 is not available" in text
    shown: list[Json] = kms.get("rotation")["units"]
    assert [entry["registers"] is None for entry in shown] == [False, True]
    unit.start()
    assert not in_progress(kms)
    kms.lock(key)


def test_polled_registers_are_reused_for_workloads_only(make_kms: MakeKms, units: Units) -> None:
    """With a long poll interval a rewrap still sees the registers as they are, not as they were."""
    kms = make_kms(poll_seconds=3600)
    kms.lock(kms.root_key())
    assert kms.get("rotation")["units"][0]["registers"]["new"]["state"] == "Empty"
    new = units.new_master_key()
    assert kms.get("rotation")["units"][0]["registers"]["new"]["state"] == "Empty"
    assert kms.rewrap()["to"] == new


def test_a_row_that_the_old_master_key_does_not_open_fails_the_job(kms: Kms, units: Units) -> None:
    """A damaged row is named, the batch it is in stays as it was, and no row is lost."""
    keys = [kms.root_key() for _ in range(3)]
    locked = kms.lock(keys[0])
    with closing(sqlite3.connect(kms.store)) as database, database:
        database.execute("UPDATE versions SET blob = zeroblob(40) WHERE key_id = ?", (keys[2],))
    old, new = units.current, units.new_master_key()
    job = kms.rewrap()
    assert (job["state"], job["rewrapped"], job["total"]) == ("failed", 2, 3)
    assert f"key {keys[2]} version 1 cannot be unwrapped" in job["error"]
    assert kms.get("rotation")["rows"] == {new: 2, old: 1}
    kms.purge(keys[2])
    assert kms.rewrap()["state"] == "done"
    units.promote()
    assert kms.unlock(keys[0], locked[0]) == locked[1]
