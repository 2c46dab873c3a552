"""Rows that are written into a key store past the kms, as it would write them."""

import sqlite3
import time
from collections.abc import Sequence

from hil.targets.hpcs.model.ledger import Known
from hil.targets.hpcs.rig.layout import is_server

BUSY_SECONDS = 30.0
KEYS = "INSERT INTO keys (id, name, type, state, created) VALUES (?, 'bench', 'standard_key', ?, ?)"
VERSIONS = "INSERT INTO versions (key_id, version, mk_id, blob) VALUES (?, 1, ?, ?)"


def store(where: str, known: Sequence[Known], master: bytes, blobs: Sequence[bytes]) -> None:
    """Add a key with one version for each blob, under the master key with the id ``master``."""
    keys = [(row.key_id, row.state, time.time()) for row in known]
    versions = [(row.key_id, master, blob) for row, blob in zip(known, blobs, strict=True)]
    if is_server(where):
        from hil.targets.hpcs.rig.keystore import database  # noqa: PLC0415 needs a library that an SQLite file does not

        database.add(where, [(KEYS, keys), (VERSIONS, versions)])
        return
    with sqlite3.connect(where, timeout=BUSY_SECONDS) as file:
        file.executemany(KEYS, keys)
        file.executemany(VERSIONS, versions)
    file.close()
