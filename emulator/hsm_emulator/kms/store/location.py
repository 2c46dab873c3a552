"""Where a key store is: the path of an SQLite file, or a PostgreSQL URL."""

from pathlib import Path

from hsm_emulator.kms.store import sqlite
from hsm_emulator.kms.store.database import Database

SCHEMES = ("postgresql://", "postgres://")


def is_server(where: str) -> bool:
    """Whether this names a database on a PostgreSQL server, and not a file."""
    return where.startswith(SCHEMES)


def create(where: str) -> None:
    """Make an empty key store; StoreExists where there is one. A killed creation leaves none."""
    if is_server(where):
        from hsm_emulator.kms.store import postgresql  # noqa: PLC0415 needs a library that a file does not

        postgresql.create(where)
    else:
        sqlite.create(Path(where))


def connect(where: str) -> Database:
    """Open the database of a key store; StoreError where it cannot be reached, or is none."""
    if is_server(where):
        from hsm_emulator.kms.store import postgresql  # noqa: PLC0415 the same

        return postgresql.Postgresql(where)
    return sqlite.Sqlite(Path(where))
