"""The key store as the service sees it: each question one statement, every change one transaction.

The SQL is what SQLite and PostgreSQL have in common; what they do differently is behind Database.
"""

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from hsm_emulator.kms.model import Key, KeyState, KeyType, Rotation, Row, mk_id
from hsm_emulator.kms.policy import Policy
from hsm_emulator.kms.store.database import Database, Found
from hsm_emulator.kms.store.location import connect


class KeyStore:
    """An open key store; use it as a context manager, in one thread. StoreError: the database failed."""

    def __init__(self, where: str | Path) -> None:
        """``where``: path of a file, or URL of a database on a server."""
        self._db: Database = connect(str(where))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    # Keys -------------------------------------------------------------------------------------------

    def keys(self, states: Sequence[KeyState], limit: int, offset: int) -> tuple[int, list[Key]]:
        """Return how many keys are in one of ``states``, and a page of them, oldest first."""
        wanted = {f"state{number}": str(state) for number, state in enumerate(states)}
        among = f"FROM keys WHERE state IN ({', '.join(f':{name}' for name in wanted)})"
        total = self._db.read(f"SELECT count(*) AS total {among}", wanted)[0]["total"]
        page = f"SELECT * {among} ORDER BY created, id LIMIT :limit OFFSET :offset"
        return total, [
            self._key(row) for row in self._db.read(page, {**wanted, "limit": limit, "offset": offset})
        ]

    def key(self, key_id: str) -> Key | None:
        """Return a key in whatever state, None where there is none of that id."""
        rows = self._db.read("SELECT * FROM keys WHERE id = :id", {"id": key_id})
        return self._key(rows[0]) if rows else None

    def _key(self, row: Found) -> Key:
        numbers = self._db.read(
            "SELECT version FROM versions WHERE key_id = :id ORDER BY version", {"id": row["id"]}
        )
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
        key = {"id": key_id, "name": name, "type": str(kind), "state": str(KeyState.ACTIVE)}
        with self._db.transaction():
            self._db.change(
                "INSERT INTO keys (id, name, type, state, created)"
                " VALUES (:id, :name, :type, :state, :created)",
                {**key, "created": time.time()},
            )
            self._add_row(key_id, 1, master_key, blob)
        return key_id

    def add_version(self, key_id: str, master_key: bytes, blob: bytes) -> int:
        """Store the next version of a key and return its number; earlier ones stay."""
        key = {"id": key_id}
        with self._db.transaction():
            # Changes nothing, but has a second one for the same key wait until this one has its number.
            self._db.change("UPDATE keys SET name = name WHERE id = :id", key)
            newest = self._db.read("SELECT max(version) AS newest FROM versions WHERE key_id = :id", key)
            number = int(newest[0]["newest"]) + 1
            self._add_row(key_id, number, master_key, blob)
        return number

    def _add_row(self, key_id: str, version: int, master_key: bytes, blob: bytes) -> None:
        self._db.change(
            "INSERT INTO versions (key_id, version, mk_id, blob) VALUES (:key_id, :version, :mk_id, :blob)",
            {"key_id": key_id, "version": version, "mk_id": master_key, "blob": blob},
        )

    def move(self, key: Key, state: KeyState) -> bool:
        """Change the state of ``key`` unless it has changed meanwhile; destruction remembers it."""
        destroyed = state is KeyState.DESTROYED
        values = {
            "id": key.id,
            "before": str(key.state),
            "state": str(state),
            "destroyed": time.time() if destroyed else None,
            "restores_to": str(key.state) if destroyed else None,
        }
        with self._db.transaction():
            changed = self._db.change(
                "UPDATE keys SET state = :state, destroyed = :destroyed, restores_to = :restores_to"
                " WHERE id = :id AND state = :before",
                values,
            )
        return changed == 1

    # Rows -------------------------------------------------------------------------------------------

    def row(self, key_id: str, version: int) -> Row | None:
        """Return one version of a key, None where there is none of that number."""
        found = self._db.read(
            "SELECT * FROM versions WHERE key_id = :key_id AND version = :version",
            {"key_id": key_id, "version": version},
        )
        return _row(found[0]) if found else None

    def rows_by_master_key(self) -> dict[bytes, int]:
        """Count the rows under each master-key id."""
        counts = self._db.read("SELECT mk_id, count(*) AS total FROM versions GROUP BY mk_id")
        return {row["mk_id"]: row["total"] for row in counts}

    def pending(self, policy: Policy, rotation: Rotation, limit: int) -> list[Row]:
        """Return up to ``limit`` rows, of keys in any state, that are still to rewrap."""
        return [_row(found) for found in self._db.read(policy.pending, _ids(rotation, limit=limit))]

    @contextmanager
    def taken(self, policy: Policy, rotation: Rotation, limit: int) -> Iterator[list[Row]]:
        """Yield rows still to rewrap, for this worker alone; the end of the block commits what it writes.

        For several workers on a server; a file has one writer, who must not keep it from others for so long.
        """
        with self._db.transaction():
            found = self._db.read(policy.pending + self._db.claim, _ids(rotation, limit=limit))
            yield [_row(row) for row in found]

    def done(self, policy: Policy, rotation: Rotation) -> int:
        """Count the rows that are ready for the target master key."""
        return int(self._db.read(policy.done, _ids(rotation))[0]["total"])

    def write(self, policy: Policy, rotation: Rotation, blobs: Sequence[tuple[Row, bytes]]) -> None:
        """Store a batch of rewrapped blobs in one transaction; a row that has gone meanwhile stays gone."""
        with self._db.transaction():
            for row, blob in blobs:
                done = _ids(rotation, key_id=row.key_id, version=row.version, blob=blob)
                self._db.change(policy.write, done)

    # Rotation ---------------------------------------------------------------------------------------

    def rotation(self) -> Rotation | None:
        """Return the open rotation; it closes the service to workloads and decides nothing about rows."""
        rows = self._db.read("SELECT source, target FROM rotation")
        return Rotation(**rows[0]) if rows else None

    def open_rotation(self, rotation: Rotation) -> None:
        """Record ``rotation`` as the open one, in place of an earlier one that was given up."""
        with self._db.transaction():
            self._db.change(
                "INSERT INTO rotation (one, source, target) VALUES (1, :source, :target)"
                " ON CONFLICT (one) DO UPDATE SET source = excluded.source, target = excluded.target",
                {"source": rotation.source, "target": rotation.target},
            )

    def end_rotation(self, policy: Policy, rotation: Rotation) -> None:
        """Close ``rotation`` after every unit has promoted; does nothing if another one is open by now."""
        with self._db.transaction():
            ended = self._db.change(
                "DELETE FROM rotation WHERE target = :target", {"target": rotation.target}
            )
            if ended and policy.promote:
                self._db.change(policy.promote, {"new": mk_id(rotation.target)})


def _ids(rotation: Rotation, **more: str | int | bytes) -> dict[str, str | int | bytes]:
    return {"old": mk_id(rotation.source), "new": mk_id(rotation.target), **more}


def _row(found: Found) -> Row:
    return Row(
        found["key_id"],
        found["version"],
        found["mk_id"],
        found["blob"],
        found["staged_mk_id"],
        found["staged_blob"],
    )
