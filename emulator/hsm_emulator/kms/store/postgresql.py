"""The key store in a database on a PostgreSQL server.

Models: the same as the file does, by the server's write-ahead log. What was committed is durable as far as
the server flushes (fsync); what a kill of the service or of the server has cut short was never there. Several
workers can share a rewrap: whoever takes rows locks them, and the others leave them out (SKIP LOCKED).

Each request opens a connection of its own, and so finds a server that was started again in between; that
costs about 5 ms. Rejected: a pool, which would hand out connections that a dead server has left behind.
"""

import functools
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg.abc import PQGen
from psycopg.rows import DictRow, dict_row

from hsm_emulator.kms.store.database import NOTHING, Found, StoreError, StoreExists, Values

CONNECT_SECONDS = 5
ANSWER_SECONDS = 10.0  # a server that hangs is given up
LOCK_MILLISECONDS = 5000

# The columns of the SQLite file, see there; a commit is durable when it is answered.
SCHEMA = """
CREATE TABLE keys (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL, state TEXT NOT NULL,
    created DOUBLE PRECISION NOT NULL, destroyed DOUBLE PRECISION, restores_to TEXT);
CREATE TABLE versions (
    made BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key_id TEXT NOT NULL REFERENCES keys(id) ON DELETE CASCADE, version INTEGER NOT NULL,
    mk_id BYTEA NOT NULL, blob BYTEA NOT NULL, staged_mk_id BYTEA, staged_blob BYTEA,
    UNIQUE (key_id, version));
CREATE INDEX versions_by_master_key ON versions (mk_id, made);
CREATE TABLE rotation (
    one INTEGER PRIMARY KEY CHECK (one = 1), source BYTEA NOT NULL, target BYTEA NOT NULL);
"""

_PARAMETER = re.compile(r":(\w+)")


def create(url: str) -> None:
    """Make the tables of an empty key store in a database that is there; StoreExists where it has them."""
    database = Postgresql(url)
    try:
        if database.read("SELECT 1 FROM pg_tables WHERE schemaname = 'public' AND tablename = 'keys'"):
            raise StoreExists(url)
        with database.transaction():
            database.change(SCHEMA)
    finally:
        database.close()


class _Connection(psycopg.Connection[DictRow]):
    """A connection with a deadline for every answer: libpq has none, and waits for a server that hangs."""

    seconds = ANSWER_SECONDS

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:  # noqa: ANN401 as above it
        return super().wait(gen, interval, self.seconds if timeout is None else timeout)


class Postgresql:
    """An open connection to the database of a key store, see Database."""

    claim = " FOR UPDATE SKIP LOCKED"

    def __init__(self, url: str, seconds: float = ANSWER_SECONDS) -> None:
        """``seconds``: how long to wait for an answer."""
        options = f"-c lock_timeout={LOCK_MILLISECONDS} -c synchronous_commit=on"
        with _as_store_error():
            self._db = _Connection.connect(
                url, autocommit=True, row_factory=dict_row, connect_timeout=CONNECT_SECONDS, options=options
            )
        self._db.seconds = seconds

    def read(self, sql: str, values: Values = NOTHING) -> Sequence[Found]:
        """See Database."""
        with _as_store_error():
            return self._db.execute(_statement(sql), values).fetchall()

    def change(self, sql: str, values: Values = NOTHING) -> int:
        """See Database."""
        with _as_store_error():
            return self._db.execute(_statement(sql), values or None).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See Database."""
        if self._db.info.transaction_status is not psycopg.pq.TransactionStatus.IDLE:
            yield
            return
        self.change("BEGIN")
        try:
            yield
            self.change("COMMIT")
        except BaseException:
            with suppress(StoreError):  # where the connection is lost, the server does it
                self.change("ROLLBACK")
            raise

    def close(self) -> None:
        """See Database."""
        self._db.close()


@functools.cache
def _statement(sql: str) -> bytes:
    """Return a statement with its parameters as psycopg wants them."""
    return _PARAMETER.sub(r"%(\1)s", sql).encode()


@contextmanager
def _as_store_error() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise StoreError(str(error).partition("\n")[0]) from error
