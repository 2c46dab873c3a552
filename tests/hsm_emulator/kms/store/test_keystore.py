"""The contract of the key store, which it keeps on an SQLite file and on a PostgreSQL server."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hsm_emulator.kms import store as key_store
from hsm_emulator.kms.model import KeyState, KeyType, Rotation
from hsm_emulator.kms.policy import IN_PLACE, POLICIES, STAGED, Policy
from hsm_emulator.kms.store import KeyStore, StoreError, StoreExists

OLD, NEW = b"o" * 32, b"n" * 32
ROTATION = Rotation(OLD, NEW)


STORES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql))


@pytest.fixture(params=STORES)
def absent(request: pytest.FixtureRequest, tmp_path: Path, new_database: Callable[[], str]) -> str:
    """Where a key store can be made."""
    return new_database() if request.param == "postgresql" else str(tmp_path / "keystore.sqlite")


@pytest.fixture
def path(absent: str) -> str:
    """Where a new key store is."""
    key_store.create(absent)
    return absent


def fill(path: str, keys: int = 3, versions: int = 2) -> list[str]:
    """Store keys with some versions each under the old master key."""
    with KeyStore(path) as store:
        made = [store.add_key(f"key{n}", KeyType.ROOT, OLD[:16], b"blob%d" % n) for n in range(keys)]
        for key in made:
            for version in range(1, versions):
                store.add_version(key, OLD[:16], b"blob of version %d" % (version + 1))
    return made


def test_an_existing_store_is_never_made_anew(path: str) -> None:
    """Creating a store over another one fails and leaves it as it was."""
    keys = fill(path)
    with pytest.raises(StoreExists):
        key_store.create(path)
    with KeyStore(path) as store:
        assert [key.id for key in store.keys(list(KeyState), 10, 0)[1]] == keys


def test_an_absent_store_is_an_error(absent: str) -> None:
    """Where no key store was made, none is found empty."""
    with pytest.raises(StoreError), KeyStore(absent) as store:
        store.rotation()


def test_versions_that_are_added_at_once(path: str) -> None:
    """Two that add a version to one key at the same time get numbers of their own."""
    (key,) = fill(path, keys=1, versions=1)

    def add(_: int) -> int:
        with KeyStore(path) as store:
            return store.add_version(key, OLD[:16], b"blob")

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(add, range(12))) == list(range(2, 14))


def test_versions_count_up_and_stay(path: str) -> None:
    """A new version gets the next number and leaves the earlier ones alone."""
    (key,) = fill(path, keys=1, versions=3)
    with KeyStore(path) as store:
        found = store.key(key)
        row = store.row(key, 1)
    assert found is not None
    assert found.versions == (1, 2, 3)
    assert row is not None
    assert row.blob == b"blob0"


def test_a_state_changes_only_from_the_state_seen(path: str) -> None:
    """Of two changes that saw the same state the second one does nothing."""
    (name,) = fill(path, keys=1)
    with KeyStore(path) as store:
        key = store.key(name)
        assert key is not None
        assert store.move(key, KeyState.SUSPENDED)
        assert not store.move(key, KeyState.DESTROYED)
        after = store.key(name)
    assert after is not None
    assert after.state is KeyState.SUSPENDED


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_a_row_that_vanished_stays_gone(path: str, policy: Policy) -> None:
    """A key purged between reading and writing a batch does not come back, and the others are done."""
    keys = fill(path)
    with KeyStore(path) as store:
        rows = store.pending(policy, ROTATION, 100)
        store._db.change("DELETE FROM keys WHERE id = :id", {"id": keys[1]})
        store.write(policy, ROTATION, [(row, b"new") for row in rows])
        assert store.done(policy, ROTATION) == 4
        assert store.pending(policy, ROTATION, 100) == []
        assert store.key(keys[1]) is None


def test_staged_rows_open_under_either_master_key_until_promotion(path: str) -> None:
    """The staged policy keeps the old blob until the rotation ends and then drops it."""
    (key,) = fill(path, keys=1, versions=1)
    with KeyStore(path) as store:
        store.open_rotation(ROTATION)
        store.write(STAGED, ROTATION, [(row, b"new") for row in store.pending(STAGED, ROTATION, 9)])
        row = store.row(key, 1)
        assert row is not None
        assert (row.under(OLD[:16]), row.under(NEW[:16])) == (b"blob0", b"new")
        store.end_rotation(STAGED, ROTATION)
        row = store.row(key, 1)
        assert row is not None
        assert (row.under(OLD[:16]), row.under(NEW[:16])) == (None, b"new")
        assert store.rotation() is None


def test_ending_an_earlier_rotation_leaves_a_later_one_open(path: str) -> None:
    """A late look at promoted units does not open the gate of the next rotation."""
    with KeyStore(path) as store:
        later = Rotation(NEW, b"x" * 32)
        store.open_rotation(ROTATION)
        store.open_rotation(later)
        store.end_rotation(IN_PLACE, ROTATION)
        assert store.rotation() == later


def test_a_transaction_that_fails_leaves_nothing(path: str) -> None:
    """Of a batch with a blob that no database takes not even the rows before it are written."""
    fill(path)
    with KeyStore(path) as store:
        rows = store.pending(IN_PLACE, ROTATION, 100)
        blobs = [(row, b"new") for row in rows[:-1]]
        with pytest.raises(StoreError):
            store.write(IN_PLACE, ROTATION, [*blobs, (rows[-1], None)])  # type: ignore[list-item]
        assert store.done(IN_PLACE, ROTATION) == 0
        store.write(IN_PLACE, ROTATION, blobs)
        assert store.done(IN_PLACE, ROTATION) == len(blobs)


def test_rows_come_in_the_order_in_which_they_were_made(path: str) -> None:
    """A rewrap goes through the rows as they were made, whatever their ids and however often it begins."""
    keys = fill(path, keys=9, versions=1)
    with KeyStore(path) as store:
        store.write(IN_PLACE, ROTATION, [(row, b"new") for row in store.pending(IN_PLACE, ROTATION, 4)])
        assert [row.key_id for row in store.pending(IN_PLACE, ROTATION, 100)] == keys[4:]
