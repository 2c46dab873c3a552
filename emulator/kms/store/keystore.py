"""The key store as the service sees it: each question one statement, every change one transaction.

The SQL is what SQLite and PostgreSQL have in common; what they do differently is behind Database.
"""

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from emulator.kms.model import Key, KeyState, KeyType, Rotation, Row, mk_id
from emulator.kms.policy import Policy
from emulator.kms.store.database import Database, Found
from emulator.kms.store.location import connect

_KEY = "id, name, type, state, created, destroyed, restores_to"
_ROW = "key_id, version, mk_id, blob, staged_mk_id, staged_blob"


class KeyStore:
    """An open key store; use it as a context manager, in one thread."""

    def __init__(self, path: Path) -> None:
        uri = f"{path.absolute().as_uri()}?mode=rw"
        self._db = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a full disk makes SQLite roll back by itself
                self._db.execute("ROLLBACK")
            raise

    # Keys -------------------------------------------------------------------------------------------

    def keys(self, states: Sequence[KeyState], limit: int, offset: int) -> tuple[int, list[Key]]:
        """Return how many keys are in one of ``states``, and a page of them, oldest first."""
        marks = ", ".join("?" * len(states))
        total = self._db.execute(f"SELECT count(*) FROM keys WHERE state IN ({marks})", states).fetchone()[0]  # noqa: S608 question marks only
        page = f"SELECT * FROM keys WHERE state IN ({marks}) ORDER BY created, id LIMIT ? OFFSET ?"  # noqa: S608 the same
        return total, [self._key(row) for row in self._db.execute(page, (*states, limit, offset)).fetchall()]

    def key(self, key_id: str) -> Key | None:
        """Return a key in whatever state, None where there is none of that id."""
        row = self._db.execute("SELECT * FROM keys WHERE id = ?", (key_id,)).fetchone()
        return self._key(row) if row else None

    def _key(self, row: sqlite3.Row) -> Key:
        numbers = self._db.execute(
            "SELECT version FROM versions WHERE key_id = ? ORDER BY version", (row["id"],)
        ).fetchall()
        return Key(
            id=row["id"],
            name=row["name"],
            type=KeyType(row["type"]),
            state=KeyState(row["state"]),
            created=row["created"],
            destroyed=row["destroyed"],
            restores_to=KeyState(row["restores_to"]) if row["restores_to"] else None,
            versions=tuple(number["version"] for number in numbers),
        )

    def add_key(self, name: str, kind: KeyType, master_key: bytes, blob: bytes) -> str:
        """Store a new active key whose first version is ``blob`` under ``master_key``; return its id."""
        key_id = str(uuid.uuid4())
        with self._transaction() as db:
            db.execute(
                "INSERT INTO keys (id, name, type, state, created) VALUES (?, ?, ?, ?, ?)",
                (key_id, name, kind, KeyState.ACTIVE, time.time()),
            )
            db.execute(
                "INSERT INTO versions (key_id, version, mk_id, blob) VALUES (?, 1, ?, ?)",
                (key_id, master_key, blob),
            )
        return key_id

    def add_version(self, key_id: str, master_key: bytes, blob: bytes) -> int:
        """Store the next version of a key and return its number; earlier ones stay."""
        with self._transaction() as db:
            number = int(
                db.execute("SELECT max(version) + 1 FROM versions WHERE key_id = ?", (key_id,)).fetchone()[0]
            )
            db.execute(
                "INSERT INTO versions (key_id, version, mk_id, blob) VALUES (?, ?, ?, ?)",
                (key_id, number, master_key, blob),
            )
        return number

    def move(self, key: Key, state: KeyState) -> bool:
        """Change the state of ``key`` unless it has changed meanwhile; destruction remembers it."""
        destroyed = time.time() if state is KeyState.DESTROYED else None
        remembered = key.state if state is KeyState.DESTROYED else None
        with self._transaction() as db:
            change = db.execute(
                "UPDATE keys SET state = ?, destroyed = ?, restores_to = ? WHERE id = ? AND state = ?",
                (state, destroyed, remembered, key.id, key.state),
            )
        return change.rowcount == 1

    # Rows -------------------------------------------------------------------------------------------

    def row(self, key_id: str, version: int) -> Row | None:
        """Return one version of a key, None where there is none of that number."""
        found = self._db.execute(
            "SELECT * FROM versions WHERE key_id = ? AND version = ?", (key_id, version)
        ).fetchone()
        return Row(**found) if found else None

    def rows_by_master_key(self) -> dict[bytes, int]:
        """Count the rows under each master-key id."""
        counts = self._db.execute("SELECT mk_id, count(*) FROM versions GROUP BY mk_id").fetchall()
        return {bytes(master_key): count for master_key, count in counts}

    def pending(self, policy: Policy, rotation: Rotation, limit: int) -> list[Row]:
        """Return up to ``limit`` rows, of keys in any state, that are still to rewrap."""
        return [
            Row(**row) for row in self._db.execute(policy.pending, _ids(rotation, limit=limit)).fetchall()
        ]

    def done(self, policy: Policy, rotation: Rotation) -> int:
        """Count the rows that are ready for the target master key."""
        return int(self._db.execute(policy.done, _ids(rotation)).fetchone()[0])

    def write(self, policy: Policy, rotation: Rotation, blobs: Sequence[tuple[Row, bytes]]) -> None:
        """Store a batch of rewrapped blobs in one transaction; a row that has gone meanwhile stays gone."""
        with self._transaction() as db:
            for row, blob in blobs:
                db.execute(policy.write, _ids(rotation, key_id=row.key_id, version=row.version, blob=blob))

    # Rotation ---------------------------------------------------------------------------------------

    def rotation(self) -> Rotation | None:
        """Return the open rotation; it closes the service to workloads and decides nothing about rows."""
        row = self._db.execute("SELECT source, target FROM rotation").fetchone()
        return Rotation(row["source"], row["target"]) if row else None

    def open_rotation(self, rotation: Rotation) -> None:
        """Record ``rotation`` as the open one, in place of an earlier one that was given up."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO rotation VALUES (1, ?, ?)", (rotation.source, rotation.target))

    def end_rotation(self, policy: Policy, rotation: Rotation) -> None:
        """Close ``rotation`` after every unit has promoted; does nothing if another one is open by now."""
        with self._transaction() as db:
            ended = db.execute("DELETE FROM rotation WHERE target = ?", (rotation.target,))
            if ended.rowcount and policy.promote:
                db.execute(policy.promote, {"new": mk_id(rotation.target)})


def _ids(rotation: Rotation, **more: str | int | bytes) -> dict[str, str | int | bytes]:
    return {"old": mk_id(rotation.source), "new": mk_id(rotation.target), **more}
