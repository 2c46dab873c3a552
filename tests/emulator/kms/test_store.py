"""The key store on a real file, also when its process is killed at every durable system call of a batch."""

import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.kms import store as key_store
from emulator.kms.model import KeyState, KeyType, Rotation
from emulator.kms.policy import IN_PLACE, POLICIES, STAGED, Policy
from emulator.kms.store import KeyStore

OLD, NEW = b"o" * 32, b"n" * 32
ROTATION = Rotation(OLD, NEW)
DURABLE = "pwrite64,fdatasync,fsync,ftruncate,unlink,write"

# What a kms does with one batch, without a unit: the new blobs are known beforehand.
WRITER = """
import sys
from pathlib import Path
from emulator.kms.model import Rotation
from emulator.kms.policy import POLICIES
from emulator.kms.store import KeyStore
rotation, policy = Rotation(b"o" * 32, b"n" * 32), POLICIES[sys.argv[2]]
with KeyStore(Path(sys.argv[1])) as store:
    rows = store.pending(policy, rotation, 100)
    store.write(policy, rotation, [(row, b"new" + row.blob) for row in rows])
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a new key store."""
    key_store.create(tmp_path / "keystore.sqlite")
    return tmp_path / "keystore.sqlite"


def fill(path: Path, keys: int = 3, versions: int = 2) -> list[str]:
    """Store keys with some versions each under the old master key."""
    with KeyStore(path) as store:
        made = [store.add_key(f"key{n}", KeyType.ROOT, OLD[:16], b"blob%d" % n) for n in range(keys)]
        for key in made:
            for version in range(1, versions):
                store.add_version(key, OLD[:16], b"blob of version %d" % (version + 1))
    return made


def test_an_existing_store_is_never_made_anew(path: Path) -> None:
    """Creating a store over another one fails and leaves it as it was."""
    fill(path)
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        key_store.create(path)
    assert path.read_bytes() == before


def test_opening_an_absent_store_makes_none(tmp_path: Path) -> None:
    """A wrong path is an error, not a new empty store."""
    with pytest.raises(sqlite3.OperationalError):
        KeyStore(tmp_path / "absent.sqlite")
    assert not list(tmp_path.iterdir())


def test_versions_count_up_and_stay(path: Path) -> None:
    """A new version gets the next number and leaves the earlier ones alone."""
    (key,) = fill(path, keys=1, versions=3)
    with KeyStore(path) as store:
        found = store.key(key)
        row = store.row(key, 1)
    assert found is not None
    assert found.versions == (1, 2, 3)
    assert row is not None
    assert row.blob == b"blob0"


def test_a_state_changes_only_from_the_state_seen(path: Path) -> None:
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
def test_a_row_that_vanished_stays_gone(path: Path, policy: Policy) -> None:
    """A key purged between reading and writing a batch does not come back, and the others are done."""
    keys = fill(path)
    with KeyStore(path) as store:
        rows = store.pending(policy, ROTATION, 100)
        store._db.execute("DELETE FROM keys WHERE id = ?", (keys[1],))
        store.write(policy, ROTATION, [(row, b"new") for row in rows])
        assert store.done(policy, ROTATION) == 4
        assert store.pending(policy, ROTATION, 100) == []
        assert store.key(keys[1]) is None


def test_staged_rows_open_under_either_master_key_until_promotion(path: Path) -> None:
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


def test_ending_an_earlier_rotation_leaves_a_later_one_open(path: Path) -> None:
    """A late look at promoted units does not open the gate of the next rotation."""
    with KeyStore(path) as store:
        later = Rotation(NEW, b"x" * 32)
        store.open_rotation(ROTATION)
        store.open_rotation(later)
        store.end_rotation(IN_PLACE, ROTATION)
        assert store.rotation() == later


def strace(path: Path, policy: Policy, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the writer under strace; no --seccomp-bpf, which drops signals silently."""
    command = ["strace", "-f", "-P", str(path), "-P", f"{path}-journal", "-e", f"trace={DURABLE}", *options]
    writer = [sys.executable, "-c", WRITER, str(path), policy.name]
    return subprocess.run([*command, *writer], capture_output=True, text=True, timeout=30, check=False)


def blobs(path: Path) -> dict[tuple[str, int], tuple[object, ...]]:
    """Read all rows as a fresh process does."""
    with KeyStore(path) as store:
        rows = store._db.execute("SELECT * FROM versions").fetchall()
    return {(row["key_id"], row["version"]): tuple(row)[2:] for row in rows}


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_killed_at_every_durable_call_a_batch_is_whole_or_absent(path: Path, policy: Policy) -> None:
    """SIGKILL before any write, flush or commit of a batch leaves every row old; a rerun does it all."""
    fill(path)
    kept, before = path.read_bytes(), blobs(path)
    recorded = strace(path, policy)
    calls = re.findall(r"^(\w+)\(", recorded.stderr, re.MULTILINE)
    after = blobs(path)
    assert after != before
    assert (calls.count("fdatasync") >= 2, calls[-1]) == (True, "unlink"), (
        "unlinking the journal is the commit"
    )
    for number, name in enumerate(calls):
        ordinal = calls[: number + 1].count(name)  # strace counts each system call by itself
        path.write_bytes(kept)
        Path(f"{path}-journal").unlink(missing_ok=True)
        killed = strace(path, policy, "-e", f"inject={name}:signal=SIGKILL:when={ordinal}")
        assert "+++ killed by SIGKILL +++" in killed.stderr, (name, ordinal, killed.stderr)
        assert blobs(path) == before, (name, ordinal)
    assert strace(path, policy).returncode == 0
    assert blobs(path) == after
