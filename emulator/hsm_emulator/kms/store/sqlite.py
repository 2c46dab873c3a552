"""The key store in one SQLite file.

Models: what a kill leaves behind is the store before a transaction or after it, a row is never half of each;
the rollback journal is flushed before and after (synchronous=FULL, no WAL), and the next process that opens
the file for writing rolls an interrupted transaction back. Does not model: several services on one store.

An instance belongs to the thread that made it (sqlite3 checks that); opening one costs a fraction of a
millisecond, so each request opens its own.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from hsm_emulator import durable
from hsm_emulator.kms.store.database import NOTHING, Found, StoreError, StoreExists, Values

BUSY_SECONDS = 5.0

# blob: the key's material under the master key named by mk_id. rotation: empty, or the one open rotation.
# made: the order in which rows were made, in which a rewrap goes, so that it is the same in every run.
SCHEMA = (
    """CREATE TABLE keys (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL, state TEXT NOT NULL,
        created REAL NOT NULL, destroyed REAL, restores_to TEXT)""",
    """CREATE TABLE versions (
        made INTEGER PRIMARY KEY, key_id TEXT NOT NULL REFERENCES keys(id) ON DELETE CASCADE,
        version INTEGER NOT NULL, mk_id BLOB NOT NULL, blob BLOB NOT NULL,
        staged_mk_id BLOB, staged_blob BLOB, UNIQUE (key_id, version))""",
    "CREATE INDEX versions_by_master_key ON versions (mk_id)",
    """CREATE TABLE rotation (
        one INTEGER PRIMARY KEY CHECK (one = 1), source BLOB NOT NULL, target BLOB NOT NULL)""",
)


def create(path: Path) -> None:
    """Make an empty key store; StoreExists where there is one. A killed creation leaves none."""
    if path.exists():
        raise StoreExists(path)
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    database = sqlite3.connect(temporary, isolation_level=None)
    try:
        database.execute("BEGIN IMMEDIATE")
        for statement in SCHEMA:
            database.execute(statement)
        database.execute("COMMIT")
    finally:
        database.close()
    temporary.rename(path)
    durable.fsync_folder(path.parent)


class Sqlite:
    """An open key-store file, see Database."""

    claim = ""  # there is one writer, so there is one worker

    def __init__(self, path: Path) -> None:
        uri = f"{path.absolute().as_uri()}?mode=rw"
        try:
            self._db = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        except sqlite3.Error as error:
            raise StoreError(str(error)) from error
        self._db.row_factory = sqlite3.Row
        self.change("PRAGMA synchronous = FULL")
        self.change("PRAGMA foreign_keys = ON")

    def read(self, sql: str, values: Values = NOTHING) -> Sequence[Found]:
        """See Database."""
        try:
            return cast("Sequence[Found]", self._db.execute(sql, values).fetchall())
        except sqlite3.Error as error:
            raise StoreError(str(error)) from error

    def change(self, sql: str, values: Values = NOTHING) -> int:
        """See Database."""
        try:
            return self._db.execute(sql, values).rowcount
        except sqlite3.Error as error:
            raise StoreError(str(error)) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See Database."""
        if self._inside():
            yield
            return
        self.change("BEGIN IMMEDIATE")
        try:
            yield
            self.change("COMMIT")
        finally:
            if self._inside():  # it failed; a full disk makes SQLite roll back by itself
                self.change("ROLLBACK")

    def _inside(self) -> bool:
        return self._db.in_transaction

    def close(self) -> None:
        """See Database."""
        self._db.close()
