"""The administrators who sign for the crypto units of the tests."""

import base64
import hashlib
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hsm_emulator.wire.unixhttp import Json


def b64(value: bytes) -> str:
    """Return base64 text."""
    return base64.b64encode(value).decode()


@dataclass(frozen=True)
class Admin:
    """An administrator with a signature key."""

    name: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP521R1()))

    @property
    def der(self) -> bytes:
        """DER SubjectPublicKeyInfo."""
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def ski(self) -> str:
        """Subject key identifier."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def entry(self) -> Json:
        """Parameters that install this administrator."""
        return {"name": self.name, "public_key": b64(self.der)}

    def sign(self, content: bytes) -> Json:
        """Return a signature as a command carries it."""
        return {"ski": self.ski, "signature": b64(self.key.sign(content, ec.ECDSA(hashes.SHA512())))}
