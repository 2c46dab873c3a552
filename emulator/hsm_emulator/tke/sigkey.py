"""Signature keys of administrators: P-521 ECDSA pairs in password-protected files ``N.sigkey``.

The private half leaves its file only into an ``UnlockedKey``, for the life of one command.
"""

import base64
import hashlib
from dataclasses import asdict, dataclass, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from hsm_emulator.tke.errors import Failed
from hsm_emulator.tke.sealed import Sealed, WrongPassword, seal, unseal
from hsm_emulator.tke.workstation import Workstation

SCHEME = ec.ECDSA(SHA512())
SUFFIX = "sigkey"
NAME_MAX = 30
SKI_SHOWN = 30


@dataclass(frozen=True)
class UnlockedKey:
    """A signature key that can sign; its text form shows the subject key identifier only."""

    ski: str
    _private: ec.EllipticCurvePrivateKey

    def __repr__(self) -> str:
        return f"UnlockedKey({self.ski})"

    def sign(self, message: bytes) -> bytes:
        """Return the DER form of an ECDSA signature with SHA-512."""
        return self._private.sign(message, SCHEME)


@dataclass(frozen=True)
class SignatureKey:
    """A signature key file.

    ``public_key`` is base64 of a DER SubjectPublicKeyInfo, ``ski`` the SHA-256 of the latter in hex.
    """

    number: int
    name: str
    ski: str
    public_key: str
    sealed: Sealed

    @property
    def short_ski(self) -> str:
        """The subject key identifier as screens show it."""
        return f"{self.ski[:SKI_SHOWN]}..."

    def unlock(self, password: str) -> UnlockedKey:
        """Decrypt the private key; raises Failed where the password is wrong."""
        try:
            private = load_der_private_key(unseal(self.sealed, password, self.ski), None)
        except WrongPassword as error:
            raise Failed(f"The password for signature key file {self.number} is incorrect.") from error
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise Failed(f"Signature key file {self.number} does not hold an elliptic curve key.")
        return UnlockedKey(self.ski, private)


def create(workstation: Workstation, name: str, password: str) -> SignatureKey:
    """Make a key pair and write its file under the next free number."""
    private = ec.generate_private_key(ec.SECP521R1())
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    secret = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    ski = hashlib.sha256(public).hexdigest()
    key = SignatureKey(0, name, ski, base64.b64encode(public).decode(), seal(secret, password, ski))
    value = asdict(key)
    del value["number"]
    return replace(key, number=workstation.add(SUFFIX, value))


def read_all(workstation: Workstation) -> list[SignatureKey]:
    """All signature keys of the workstation, in the order of their numbers."""
    return [_read(workstation, number) for number in workstation.numbered(SUFFIX)]


def read_current(workstation: Workstation) -> list[SignatureKey]:
    """The current signature keys, in the order in which they were selected."""
    by_number = {key.number: key for key in read_all(workstation)}
    return [by_number[number] for number in workstation.current_signature_keys() if number in by_number]


def remove(workstation: Workstation, number: int) -> None:
    """Remove a signature key file, and the key from the current ones."""
    remaining = [current for current in workstation.current_signature_keys() if current != number]
    workstation.make_current(remaining)
    workstation.remove(_file(number))


def _file(number: int) -> str:
    return f"{number}.{SUFFIX}"


def _read(workstation: Workstation, number: int) -> SignatureKey:
    value: dict[str, Any] = workstation.read_json(_file(number))
    try:
        return SignatureKey(**{**value, "number": number, "sealed": Sealed(**value["sealed"])})
    except (KeyError, TypeError) as error:
        raise Failed(f"The signature key file {_file(number)} is damaged.") from error
