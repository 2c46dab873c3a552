"""The ledger: what every key of the key store must give back, known to the bench alone.

It is kept in the memory of the bench and outside every folder that a killed process can write to.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """One row of the key store and the secret that proves it.

    For a version of a root key: ``ciphertext`` is a data key wrapped by it and ``secret`` that data key.
    For a standard key: ``ciphertext`` is None and ``secret`` the key's own bytes.
    """

    key_id: str
    version: int
    state: str
    secret: bytes
    ciphertext: bytes | None


@dataclass(frozen=True)
class Ledger:
    """All known rows; ``master_key`` is the key-part flow's NEW master key, which the bench alone knows."""

    rows: tuple[Known, ...]
    master_key: bytes
    destroyed: str

    @property
    def key_ids(self) -> frozenset[str]:
        """Ids of all keys, each of which may have several rows."""
        return frozenset(row.key_id for row in self.rows)

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """Byte strings that must stand in no file, log or transcript."""
        return (self.master_key, *(row.secret for row in self.rows))
