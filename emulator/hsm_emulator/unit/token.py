"""The PKCS#11 token inside a crypto unit: the only module that imports pkcs11.

One thread: python-pkcs11 releases the interpreter lock around calls into a library that it initialises
without locking, so a second thread crashes SoftHSM. Every method checks that it runs on the opener's thread.

A master key is made as a session object, checked there, and then copied onto the token in one C_CopyObject.
The copy is never changed again, and cannot be, by whoever else has the PIN (CKA_MODIFIABLE); that it is still
there is asked whenever a register is told. Rejected: making it on the token at once (35 truncate-and-rewrite
cycles of its file instead of 3, and a refused key would have to be destroyed again), and labels or
attributes that say which register a key is in (SoftHSM changes an attribute by truncating the file in place).
"""

import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pkcs11
import pkcs11._pkcs11  # pkcs11 imports it at first use; here it comes with the program
from pkcs11 import KDF, Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass
from pkcs11.exceptions import PKCS11Error
from pkcs11.util.ec import encode_named_curve_parameters

from hsm_emulator.unit.command import HsmError, Refusal, WrappedKey
from hsm_emulator.unit.registers import MasterKey
from hsm_emulator.unit.sweep import KeyLostError

LABEL = "master-key"
_WRAPPED_BYTES = 40  # RFC 3394: a 32-byte key and its check block
Handle: TypeAlias = Any  # what a key object can do is mixed in at run time
_CAPABILITIES = MechanismFlag.WRAP | MechanismFlag.UNWRAP
_STORED = {Attribute.TOKEN: True, Attribute.LABEL: LABEL}
_FIXED = {Attribute.MODIFIABLE: False}  # comes last: SoftHSM sets the attributes of a copy one by one
_CLEAR = {Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True}


class TokenError(Exception):
    """The token failed in a way that no command explains; names the PKCS#11 error, never its arguments."""


@dataclass(frozen=True)
class Candidate:
    """A master key as a session object: not durable, gone at the end of the block that made it."""

    handle: Handle
    pattern: str


@dataclass(frozen=True)
class Importer:
    """An importer key pair (P-521, session objects): lost at restart, as on the real unit."""

    private: Handle
    point: bytes


@dataclass(frozen=True)
class Slot:
    """A slot with a token, which may be empty yet: ``mechanisms`` gives the uses of each by name."""

    number: int
    label: str
    mechanisms: Mapping[str, Sequence[str]]


def look(module: Path) -> tuple[str, list[Slot]]:
    """Return what a library calls itself, and its slots; raises TokenError where it cannot be loaded."""
    with _reported("the library cannot be asked"):
        library = pkcs11.lib(str(module))
        major, minor = library.library_version
        name = f"{library.manufacturer_id} {library.library_description} {major}.{minor}"
        slots = [
            Slot(slot.slot_id, slot.get_token().label, _uses(slot))
            for slot in library.get_slots(token_present=True)
        ]
        library.finalize()
    return name, slots


def _uses(slot: pkcs11.Slot) -> dict[str, list[str]]:
    known = set(Mechanism) & slot.get_mechanisms()  # a vendor's own are bare numbers
    flags = {one.name: slot.get_mechanism_info(one).flags for one in known}
    return {name: [use.name or "" for use in MechanismFlag if use in held] for name, held in flags.items()}


class Token:
    """An open token. ``exportable``: whether its master keys may ever leave it wrapped."""

    def __init__(self, module: Path, label: str, pin: str, *, exportable: bool) -> None:
        """Load the library, for which the environment is set already, and log in.

        Raises:
            TokenError: no such token, wrong PIN, or the library cannot be loaded.
        """
        self._thread = threading.get_ident()
        with _reported("the token cannot be opened"):
            self._library = pkcs11.lib(str(module))
            self._session = self._library.get_token(token_label=label).open(rw=True, user_pin=pin)
        self._handles: dict[str, Handle] = {}
        self._template = {
            Attribute.SENSITIVE: True,
            Attribute.PRIVATE: True,
            Attribute.EXTRACTABLE: exportable,
        }

    def close(self) -> None:
        """Finalize the library: whatever the token has handed out is void. The next Token initialises it."""
        with self._operation("be closed"):
            self._library.finalize()

    def change_pin(self, old: str, new: str) -> None:
        """Change the user PIN."""
        with self._operation("change the PIN"):
            self._session.set_pin(old, new)

    def importer(self) -> Importer:
        """Make an importer key pair."""
        with self._operation("make an importer key"):
            curve = {Attribute.EC_PARAMS: encode_named_curve_parameters("secp521r1")}
            parameters = self._session.create_domain_parameters(KeyType.EC, curve, local=True)
            public, private = parameters.generate_keypair(store=False, capabilities=MechanismFlag.DERIVE)
            point = public[Attribute.EC_POINT]
            public.destroy()
        return Importer(private, point)

    @contextmanager
    def random_key(self) -> Iterator[Candidate]:
        """Make a random AES-256 master key for the length of the block."""
        with self._operation("generate a key"):
            key = self._session.generate_key(
                KeyType.AES, 256, store=False, capabilities=_CAPABILITIES, template=self._template
            )
        with self._session_key(key):
            yield self._candidate(key)

    @contextmanager
    def imported_key(self, importer: Importer, part: WrappedKey) -> Iterator[Candidate]:
        """Unwrap a master key for the length of the block; HsmError where it does not unwrap."""
        with self._unwrapped(importer, part, self._template) as key:
            yield self._candidate(key)

    @contextmanager
    def combined_key(self, importer: Importer, parts: Sequence[WrappedKey]) -> Iterator[Candidate]:
        """Combine master key parts by exclusive or, in firmware memory: a token cannot do it."""
        value = bytes(32)
        for part in parts:
            with self._unwrapped(importer, part, _CLEAR) as key:
                clear = key[Attribute.VALUE]
            value = bytes(a ^ b for a, b in zip(value, clear, strict=True))
        with self._operation("combine key parts"):
            key = self._session.create_object(
                {
                    Attribute.CLASS: ObjectClass.SECRET_KEY,
                    Attribute.KEY_TYPE: KeyType.AES,
                    Attribute.VALUE: value,
                    Attribute.TOKEN: False,
                    Attribute.WRAP: True,
                    Attribute.UNWRAP: True,
                    **self._template,
                }
            )
        with self._session_key(key):
            yield self._candidate(key)

    def keep(self, candidate: Candidate) -> MasterKey:
        """Make a candidate durable as a token object, and return its name; raises TokenError."""
        key_id = secrets.token_bytes(16)
        with self._operation("store a key"):
            self._handles[key_id.hex()] = candidate.handle.copy({**_STORED, Attribute.ID: key_id, **_FIXED})
        return MasterKey(key_id.hex(), candidate.pattern, "")

    def sweep(self, keys: Iterable[MasterKey]) -> None:
        """Destroy every master key that is none of ``keys``: what interrupted commands have left.

        Raises:
            KeyLostError: one of ``keys`` is not there.
        """
        named = {key.key_id for key in keys}
        with self._operation("be swept"):
            wanted = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.TOKEN: True, Attribute.LABEL: LABEL}
            found = {key[Attribute.ID].hex(): key for key in list(self._session.get_objects(wanted))}
            for key_id in found.keys() - named:
                found[key_id].destroy()
        if lost := named - found.keys():
            raise KeyLostError(f"{len(lost)} master key object(s) of the registers are gone")

    def check(self, keys: Iterable[MasterKey]) -> None:
        """Raise TokenError where one of ``keys`` is not on the token any more, or is of no use there."""
        for key in keys:
            with self._operation("show the master key of a register, which is gone or was altered"):
                handle = self._handles.get(key.key_id) or self._verified(key)
                if not (handle[Attribute.WRAP] and handle[Attribute.UNWRAP]):
                    raise TokenError(f"the master key {key.pattern[:8]}... of a register was altered")

    def _verified(self, key: MasterKey) -> Handle:
        """Find a master key that this process has not made, and see that it is the one that it should be."""
        handle = self._find(key)
        if self._candidate(handle).pattern != key.pattern:
            raise TokenError(f"another key stands in the place of master key {key.pattern[:8]}...")
        self._handles[key.key_id] = handle
        return handle

    def export(self, key: MasterKey, importer_point: bytes) -> WrappedKey:
        """Wrap a master key to another unit's importer key."""
        own = self.importer()
        with (
            self._operation("export a key"),
            self._session_key(own.private),
            self._session_key(self._derive(own.private, importer_point)) as wrapping,
        ):
            wrapped = wrapping.wrap_key(self._find(key), mechanism=Mechanism.AES_KEY_WRAP)
        return WrappedKey(own.point, wrapped)

    def destroy(self, key: MasterKey) -> None:
        """Destroy a master key."""
        self._handles.pop(key.key_id, None)
        with self._operation("destroy a key"):
            self._find(key).destroy()

    def hides(self, candidate: Candidate) -> bool:
        """Whether the value of a candidate may not be read."""
        with self._operation("be asked for an attribute"):
            return bool(candidate.handle[Attribute.SENSITIVE])

    def forget(self, importer: Importer) -> None:
        """Destroy an importer key."""
        with self._operation("destroy an importer key"):
            importer.private.destroy()

    def _find(self, key: MasterKey) -> Handle:
        return self._session.get_key(object_class=ObjectClass.SECRET_KEY, id=bytes.fromhex(key.key_id))

    def _candidate(self, key: Handle) -> Candidate:
        with self._operation("compute a verification pattern"):
            return Candidate(
                key, self._session.digest(iter((b"\x01", key)), mechanism=Mechanism.SHA256).hex()
            )

    def _derive(self, private: Handle, point: bytes) -> Handle:
        return private.derive_key(
            KeyType.AES,
            256,
            store=False,
            capabilities=_CAPABILITIES,
            mechanism_param=(KDF.NULL, None, point),
            template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
        )

    @contextmanager
    def _unwrapped(
        self, importer: Importer, part: WrappedKey, template: dict[Attribute, bool]
    ) -> Iterator[Handle]:
        if len(part.wrapped) != _WRAPPED_BYTES:
            raise HsmError(Refusal.WRAPPED_INVALID)
        with self._operation("derive a wrapping key"):
            wrapping = self._derive(importer.private, part.public_key)
        with self._session_key(wrapping):
            try:
                key = wrapping.unwrap_key(
                    ObjectClass.SECRET_KEY,
                    KeyType.AES,
                    part.wrapped,
                    mechanism=Mechanism.AES_KEY_WRAP,
                    store=False,
                    capabilities=_CAPABILITIES,
                    template=template,
                )
            except PKCS11Error as error:  # SoftHSM: CKR_GENERAL_ERROR, other tokens CKR_WRAPPED_KEY_INVALID
                raise HsmError(Refusal.WRAPPED_INVALID) from error
        with self._session_key(key):
            yield key

    @contextmanager
    def _session_key(self, key: Handle) -> Iterator[Handle]:
        try:
            yield key
        finally:
            with self._operation("destroy a session key"):
                key.destroy()

    @contextmanager
    def _operation(self, purpose: str) -> Iterator[None]:
        if threading.get_ident() != self._thread:
            raise RuntimeError("the token belongs to the thread that opened it")
        with _reported(f"the token cannot {purpose}"):
            yield


@contextmanager
def _reported(failure: str) -> Iterator[None]:
    """Name a PKCS#11 error by its class: the text of python-pkcs11's errors is empty."""
    try:
        yield
    except PKCS11Error as error:
        raise TokenError(f"{failure}: {type(error).__name__}") from error
