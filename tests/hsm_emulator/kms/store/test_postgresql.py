"""The key store on a PostgreSQL server: rows shared by workers, and a server that dies or hangs."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from hil.targets.hpcs.model.processes import DB
from hsm_emulator.kms import store as key_store
from hsm_emulator.kms.model import KeyType, Rotation
from hsm_emulator.kms.policy import IN_PLACE
from hsm_emulator.kms.store import KeyStore, StoreError

if TYPE_CHECKING:
    from hil.targets.hpcs.rig.keystore.database import KeyStoreDatabase

pytest.importorskip("psycopg", exc_type=ImportError)
pytestmark = pytest.mark.postgresql

ROTATION = Rotation(b"o" * 32, b"n" * 32)


@pytest.fixture
def url(new_database: Callable[[], str]) -> str:
    """A key store with six rows under the old master key."""
    url = new_database()
    key_store.create(url)
    with KeyStore(url) as store:
        for number in range(6):
            store.add_key(f"key{number}", KeyType.ROOT, b"o" * 16, b"blob%d" % number)
    return url


def test_what_one_worker_has_taken_the_other_leaves_out(url: str) -> None:
    """Two workers get different rows, and what each has written is there when it has ended."""
    with KeyStore(url) as one, KeyStore(url) as other:
        with one.taken(IN_PLACE, ROTATION, 4) as first, other.taken(IN_PLACE, ROTATION, 4) as second:
            assert (len(first), len(second)) == (4, 2)
            assert not set(first) & set(second)
            other.write(IN_PLACE, ROTATION, [(row, b"new") for row in second])
            assert other.done(IN_PLACE, ROTATION) == 2
            assert one.done(IN_PLACE, ROTATION) == 0
        assert one.done(IN_PLACE, ROTATION) == 2


def test_rows_of_a_worker_that_failed_are_free_again(url: str) -> None:
    """What a worker had taken and written when it failed is as before, and anybody's."""

    def fail(store: KeyStore) -> None:
        with store.taken(IN_PLACE, ROTATION, 6) as rows:
            store.write(IN_PLACE, ROTATION, [(row, b"new") for row in rows])
            raise ZeroDivisionError

    with KeyStore(url) as one, KeyStore(url) as other:
        with pytest.raises(ZeroDivisionError):
            fail(one)
        with other.taken(IN_PLACE, ROTATION, 6) as rows:
            assert [row.blob for row in rows] == [b"blob%d" % number for number in range(6)]


@pytest.fixture
def victim(own_database: "KeyStoreDatabase") -> "Iterator[KeyStoreDatabase]":
    """The server, which runs again for the next test."""
    yield own_database
    own_database.resume()
    own_database.start()


def test_a_commit_that_a_kill_cuts_short_was_never_there(url: str, victim: "KeyStoreDatabase") -> None:
    """A server killed before the commit has none of the batch after its recovery, and the job is told."""

    def die(store: KeyStore) -> None:
        with store.taken(IN_PLACE, ROTATION, 6) as rows:
            store.write(IN_PLACE, ROTATION, [(row, b"new") for row in rows])
            victim.kill(DB)

    with KeyStore(url) as store, pytest.raises(StoreError):
        die(store)
    victim.start()
    with KeyStore(url) as store:
        assert store.done(IN_PLACE, ROTATION) == 0


def test_a_server_that_hangs_is_given_up(url: str, victim: "KeyStoreDatabase") -> None:
    """A question that is not answered ends by its deadline, as an error of the store."""
    from hsm_emulator.kms.store.postgresql import Postgresql  # noqa: PLC0415 needs psycopg

    database = Postgresql(url, seconds=0.5)
    victim.pause()
    with pytest.raises(StoreError, match="timeout"):
        database.read("SELECT 1")
    database.close()


def test_no_password_is_told() -> None:
    """The error of a server that cannot be reached does not repeat what the URL holds."""
    with pytest.raises(StoreError) as raised:
        KeyStore("postgresql://kms:open-sesame@/keystore?host=/nowhere")
    assert "open-sesame" not in str(raised.value)
