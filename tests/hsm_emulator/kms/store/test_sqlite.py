"""The key store on an SQLite file, whose process is killed at every durable system call of a batch."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from hsm_emulator.kms import store as key_store
from hsm_emulator.kms.model import KeyType
from hsm_emulator.kms.policy import POLICIES, Policy
from hsm_emulator.kms.store import KeyStore, StoreError

OLD = b"o" * 32
DURABLE = "pwrite64,fdatasync,fsync,ftruncate,unlink,write"

# What a kms does with one batch, without a unit: the new blobs are known beforehand.
WRITER = """
import sys
from hsm_emulator.kms.model import Rotation
from hsm_emulator.kms.policy import POLICIES
from hsm_emulator.kms.store import KeyStore
rotation, policy = Rotation(b"o" * 32, b"n" * 32), POLICIES[sys.argv[2]]
with KeyStore(sys.argv[1]) as store:
    rows = store.pending(policy, rotation, 100)
    store.write(policy, rotation, [(row, b"new" + row.blob) for row in rows])
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a new key store with six rows under the old master key."""
    file = tmp_path / "keystore.sqlite"
    key_store.create(str(file))
    with KeyStore(file) as store:
        for number in range(3):
            key = store.add_key(f"key{number}", KeyType.ROOT, OLD[:16], b"blob%d" % number)
            store.add_version(key, OLD[:16], b"blob of version 2")
    return file


def test_opening_an_absent_store_makes_none(tmp_path: Path) -> None:
    """A wrong path is an error, not a new empty store."""
    with pytest.raises(StoreError):
        KeyStore(tmp_path / "absent.sqlite")
    assert not list(tmp_path.iterdir())


def strace(path: Path, policy: Policy, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the writer under strace; no --seccomp-bpf, which drops signals silently."""
    command = ["strace", "-f", "-P", str(path), "-P", f"{path}-journal", "-e", f"trace={DURABLE}", *options]
    writer = [sys.executable, "-c", WRITER, str(path), policy.name]
    return subprocess.run([*command, *writer], capture_output=True, text=True, timeout=30, check=False)


def blobs(path: Path) -> dict[tuple[str, int], tuple[object, ...]]:
    """Read all rows as a fresh process does."""
    with KeyStore(path) as store:
        rows = store._db.read("SELECT * FROM versions")
    return {(row["key_id"], row["version"]): tuple(row)[3:] for row in rows}


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_killed_at_every_durable_call_a_batch_is_whole_or_absent(path: Path, policy: Policy) -> None:
    """SIGKILL before any write, flush or commit of a batch leaves every row old; a rerun does it all."""
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
