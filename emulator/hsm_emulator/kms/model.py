"""What the key store holds: keys, their versions (rows) and the state rules. Pure.

Field names and states follow the Key Protect API, which the modelled service shares.
"""

from dataclasses import dataclass
from enum import StrEnum

MK_ID_BYTES = 16
RESTORE_SECONDS = 30 * 24 * 3600
MATERIAL_BYTES = (16, 24, 32)
NAME_LENGTH_MAX = 90


class KeyType(StrEnum):
    """A root key wraps data keys and never leaves; a standard key is stored and handed out."""

    ROOT = "root_key"
    STANDARD = "standard_key"


class KeyState(StrEnum):
    """Life of a key. Only a destroyed key has a date of destruction; it may be restored for 30 days."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    DEACTIVATED = "deactivated"
    DESTROYED = "destroyed"


@dataclass(frozen=True)
class Key:
    """A key without its material; times are seconds since the epoch."""

    id: str
    name: str
    type: KeyType
    state: KeyState
    created: float
    destroyed: float | None
    restores_to: KeyState | None
    versions: tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """One version of a key: its material under a master key, and under a second one where staged.

    ``mk_id`` is the first 16 bytes of the master key's verification pattern, ``blob`` AES_KEY_WRAP of the
    material under it.
    """

    key_id: str
    version: int
    mk_id: bytes
    blob: bytes
    staged_mk_id: bytes | None = None
    staged_blob: bytes | None = None

    def under(self, mk_id: bytes) -> bytes | None:
        """Return the blob under that master key, None where the row has none."""
        if mk_id == self.mk_id:
            return self.blob
        return self.staged_blob if mk_id == self.staged_mk_id else None


@dataclass(frozen=True)
class Rotation:
    """An open rotation: workloads wait until every operational unit has ``target`` as CURRENT (patterns)."""

    source: bytes
    target: bytes


# What a key may be used for in which state: a deactivated key still opens what it has locked.
USES: dict[str, tuple[KeyType, frozenset[KeyState]]] = {
    "wrap": (KeyType.ROOT, frozenset({KeyState.ACTIVE})),
    "unwrap": (KeyType.ROOT, frozenset({KeyState.ACTIVE, KeyState.DEACTIVATED})),
    "rewrap": (KeyType.ROOT, frozenset({KeyState.ACTIVE})),
    "rotate": (KeyType.ROOT, frozenset({KeyState.ACTIVE})),
    "payload": (KeyType.STANDARD, frozenset({KeyState.ACTIVE, KeyState.DEACTIVATED})),
}

# Changes of state that touch no material: action -> (states it starts from, state it ends in).
TRANSITIONS: dict[str, tuple[frozenset[KeyState], KeyState]] = {
    "disable": (frozenset({KeyState.ACTIVE}), KeyState.SUSPENDED),
    "enable": (frozenset({KeyState.SUSPENDED}), KeyState.ACTIVE),
    "deactivate": (frozenset({KeyState.ACTIVE, KeyState.SUSPENDED}), KeyState.DEACTIVATED),
}


def mk_id(pattern: bytes) -> bytes:
    """Return the master-key id of a row: the leading 16 bytes of the verification pattern."""
    return pattern[:MK_ID_BYTES]
