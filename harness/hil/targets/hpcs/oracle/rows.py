"""Rows of the key store, read past the kms."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.targets.hpcs.model.crashstate import RowCounts
from hil.targets.hpcs.model.registers import EMPTY, Register, UnitRegisters
from hil.targets.hpcs.rig.layout import is_server

MK_ID_BYTES = 16
BUSY_SECONDS = 10.0
ROWS = "SELECT key_id, version, mk_id, blob FROM versions ORDER BY 1, 2"

RowKey = tuple[str, int]


@dataclass(frozen=True)
class KeyStoreRow:
    """One row of the key store: the id of its master key and the wrapped key."""

    key_id: str
    version: int
    mk_id: bytes
    blob: bytes


def read_rows(store: str) -> tuple[KeyStoreRow, ...]:
    """Read all rows of a key store: the path of an SQLite file, or the URL of a database."""
    return tuple(
        KeyStoreRow(key_id, version, bytes(mk), bytes(blob)) for key_id, version, mk, blob in _found(store)
    )


def tables(store: str) -> bytes:
    """Return everything that a database holds for a rig; nothing for a file, which speaks for itself."""
    if not is_server(store):
        return b""
    from hil.targets.hpcs.rig.keystore import database  # noqa: PLC0415 the same as below

    return b"".join(data for _, data in database.copied(store))


def _found(store: str) -> Sequence[tuple[Any, ...]]:
    if is_server(store):
        from hil.targets.hpcs.rig.keystore import database  # noqa: PLC0415 needs a library that an SQLite file does not

        return database.select(store, ROWS)
    return _in_file(store)


def _in_file(path: str) -> Sequence[tuple[Any, ...]]:
    """Return what stands in a key store file.

    Opened for writing, because only then SQLite rolls a transaction back that a kill has cut short, as the
    kms does at its next start; read-only it would refuse. Nothing else is written.
    """
    connection = sqlite3.connect(f"{Path(path).as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS)
    try:
        connection.execute("PRAGMA query_only = ON")
        return connection.execute(ROWS).fetchall()
    finally:
        connection.close()


def count_rows(rows: Sequence[KeyStoreRow], units: Sequence[UnitRegisters]) -> RowCounts:
    """Count rows under CURRENT, under NEW, and under what no register holds."""
    current = {mk_id(unit.current) for unit in units} - {None}
    new = {mk_id(unit.new) for unit in units} - {None}
    under_current = sum(row.mk_id in current for row in rows)
    under_new = sum(row.mk_id in new - current for row in rows)
    return RowCounts(under_current, under_new, len(rows) - under_current - under_new)


def mk_id(register: Register) -> bytes | None:
    """The id that a row carries of the master key in this register: 16 bytes, None where it is empty."""
    return None if register.state == EMPTY else bytes.fromhex(register.pattern)[:MK_ID_BYTES]
