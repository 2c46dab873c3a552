"""What the service does with keys inside a crypto unit: make, wrap, unwrap and rewrap material.

All material enters a unit as session objects only: they write nothing to the token (55 times faster, and a
kill leaves nothing behind). Each is destroyed as soon as it has served. Root keys are sealed while in use:
not even the service can read them.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hsm_emulator.kms.errors import Code, KmsError
from hsm_emulator.kms.model import Row
from hsm_emulator.wire import rewrap as wire_rewrap
from hsm_emulator.wire.client import Session
from hsm_emulator.wire.constants import Attribute, Mechanism, ObjectClass, P11KeyType
from hsm_emulator.wire.errors import P11Error, WireError
from hsm_emulator.wire.rewrap import CARRIED
from hsm_emulator.wire.values import Template

GENERATED_BYTES = 32

_MATERIAL: Template = {
    Attribute.CLASS: ObjectClass.SECRET_KEY,
    Attribute.KEY_TYPE: P11KeyType.AES,
    Attribute.TOKEN: False,
    Attribute.PRIVATE: True,
}
# A root key at work, material on its way into another wrapping, a key that its owner may read.
SEALED: Template = {
    **_MATERIAL,
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.WRAP: True,
    Attribute.UNWRAP: True,
}
READABLE: Template = {**_MATERIAL, Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True}


def new_blob(session: Session, master_key: int, material: bytes | None) -> bytes:
    """Return ``material``, or a new AES-256 key made in the unit, wrapped with the master key."""
    with _material(session, material, CARRIED) as key:
        return session.wrap(Mechanism.AES_KEY_WRAP, master_key, key)


def read_blob(session: Session, master_key: int, blob: bytes) -> bytes:
    """Return the bytes of a standard key."""
    with _opened(session, master_key, blob, READABLE) as key:
        return _value(session, key)


def wrap(session: Session, master_key: int, root: bytes, plaintext: bytes | None) -> tuple[bytes, bytes]:
    """Return a data key wrapped with a root key, and its bytes; a new AES-256 key where none is given."""
    with (
        _opened(session, master_key, root, SEALED) as root_key,
        _material(session, plaintext, READABLE) as key,
    ):
        return session.wrap(Mechanism.AES_KEY_WRAP, root_key, key), _value(session, key)


def unwrap(session: Session, master_key: int, root: bytes, blob: bytes) -> bytes:
    """Return the bytes of the data key that ``blob`` holds under a root key."""
    with (
        _opened(session, master_key, root, SEALED) as root_key,
        _foreign(session, root_key, blob, READABLE) as key,
    ):
        return _value(session, key)


def rewrap(session: Session, master_key: int, old_root: bytes, new_root: bytes, blob: bytes) -> bytes:
    """Return the data key of ``blob``, which is under ``old_root``, wrapped with ``new_root``."""
    with (
        _opened(session, master_key, old_root, SEALED) as old,
        _opened(session, master_key, new_root, SEALED) as new,
        _foreign(session, old, blob, CARRIED) as key,
    ):
        return session.wrap(Mechanism.AES_KEY_WRAP, new, key)


def rewrap_rows(session: Session, old: int, new: int, rows: Sequence[Row]) -> list[bytes]:
    """Return the blobs of ``rows`` under the master key ``new`` instead of ``old``, pipelined, in order.

    Raises:
        KmsError: KEY_UNREADABLE names the first row that the old master key does not open.
        WireError: the unit failed; the connection is of no more use.
    """
    blobs: list[bytes] = []
    for row, blob in zip(
        rows, wire_rewrap.rewrap(session, old, new, [row.blob for row in rows]), strict=True
    ):
        if isinstance(blob, P11Error):
            raise _unreadable(row) from blob
        blobs.append(blob)
    return blobs


def _unreadable(row: Row) -> KmsError:
    name = f"key {row.key_id} version {row.version}"
    return KmsError(
        Code.KEY_UNREADABLE, f"{name} cannot be unwrapped with the master key {row.mk_id.hex()} that it names"
    )


@contextmanager
def _material(session: Session, value: bytes | None, template: Template) -> Iterator[int]:
    """A session object that holds ``value``, or a new AES-256 key."""
    if value is None:
        key = session.generate_key(Mechanism.AES_KEY_GEN, {**template, Attribute.VALUE_LEN: GENERATED_BYTES})
    else:
        key = session.create({**template, Attribute.VALUE: value})
    with _destroyed(session, key):
        yield key


@contextmanager
def _opened(session: Session, master_key: int, blob: bytes, template: Template) -> Iterator[int]:
    """A session object unwrapped with the master key, whose verification pattern has been compared."""
    try:
        key = session.unwrap(Mechanism.AES_KEY_WRAP, master_key, blob, template)
    except P11Error as error:
        raise KmsError(
            Code.KEY_UNREADABLE, "the key cannot be unwrapped with the master key it names"
        ) from error
    with _destroyed(session, key):
        yield key


@contextmanager
def _foreign(session: Session, root_key: int, blob: bytes, template: Template) -> Iterator[int]:
    """A session object unwrapped from what a caller sent."""
    try:
        key = session.unwrap(Mechanism.AES_KEY_WRAP, root_key, blob, template)
    except P11Error as error:
        message = "ciphertext: the root key version that it names did not make it"
        raise KmsError(Code.BAD_REQUEST, message) from error
    with _destroyed(session, key):
        yield key


@contextmanager
def _destroyed(session: Session, key: int) -> Iterator[None]:
    """Destroy the session object at the end; a failed unit has lost it with the connection."""
    try:
        yield
    except WireError:
        raise
    except BaseException:
        session.destroy(key)
        raise
    session.destroy(key)


def _value(session: Session, key: int) -> bytes:
    return bytes(session.attributes(key, [Attribute.VALUE])[Attribute.VALUE])
