"""Administrators of a crypto unit: who is installed, what has to be signed and whether it is.

Pure rules over the state of a unit; only the verification of a signature needs a library.
"""

import base64
import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from hsm_emulator.unit.command import HsmError, MalformedError, Refusal, Signature

SCHEME = ec.ECDSA(hashes.SHA512())
MAXIMUM = 8
NAME_CHARACTERS = 30


@dataclass(frozen=True)
class Administrator:
    """An installed administrator: name and public key (P-521, DER SubjectPublicKeyInfo in base64)."""

    name: str
    public_key: str

    @property
    def der(self) -> bytes:
        """The DER SubjectPublicKeyInfo."""
        return base64.b64decode(self.public_key)

    @functools.cached_property
    def ski(self) -> str:
        """Subject key identifier: SHA-256 of the DER SubjectPublicKeyInfo, 64 hex digits."""
        return hashlib.sha256(self.der).hexdigest()


Administrators = tuple[Administrator, ...]


def added(administrators: Administrators, name: str, der: bytes) -> Administrators:
    """Install one; refuse one who is there already (256) and a ninth (261)."""
    if not (0 < len(name) <= NAME_CHARACTERS and name.isprintable()):
        raise MalformedError(f"name: 1 to {NAME_CHARACTERS} printable characters")
    _public_key(der)
    new = Administrator(name, base64.b64encode(der).decode())
    if any(each.ski == new.ski for each in administrators):
        raise HsmError(Refusal.ADMINISTRATOR_EXISTS)
    if len(administrators) >= MAXIMUM:
        raise HsmError(Refusal.ADMINISTRATOR_LIST_FULL)
    return (*administrators, new)


def removed(administrators: Administrators, ski: str, *, floor: int) -> Administrators:
    """Remove one; never below ``floor``, the higher of the thresholds, 0 in imprint mode (209-66)."""
    remaining = tuple(each for each in administrators if each.ski != ski)
    if len(remaining) == len(administrators):
        raise HsmError(Refusal.ADMINISTRATOR_NOT_FOUND)
    if len(remaining) < floor:
        raise HsmError(Refusal.BELOW_THRESHOLD)
    return remaining


def check_thresholds(administrators: Administrators, signature: int, revocation: int) -> None:
    """Refuse thresholds of 0 (209-76, 77) and above the number of administrators (209-57, 58)."""
    if signature == 0:
        raise HsmError(Refusal.SIGNATURE_THRESHOLD_ZERO)
    if revocation == 0:
        raise HsmError(Refusal.REVOCATION_THRESHOLD_ZERO)
    if signature > len(administrators):
        raise HsmError(Refusal.SIGNATURE_THRESHOLD)
    if revocation > len(administrators):
        raise HsmError(Refusal.REVOCATION_THRESHOLD)


def check_signatures(
    administrators: Administrators, signatures: Sequence[Signature], content: bytes, needed: int
) -> None:
    """Refuse a command that is not signed by ``needed`` distinct installed administrators.

    Every signature that is there has to hold, also one too many. Raises HsmError 257, 192 or 208.
    """
    installed = {each.ski: each for each in administrators}
    for signature in signatures:
        signer = installed.get(signature.ski)
        if signer is None:
            raise HsmError(Refusal.UNKNOWN_ADMINISTRATOR)
        try:
            _public_key(signer.der).verify(signature.value, content, SCHEME)
        except InvalidSignature as error:
            raise HsmError(Refusal.SIGNATURE) from error
    if len({signature.ski for signature in signatures}) < needed:
        raise HsmError(Refusal.TOO_FEW_SIGNATURES)


@functools.lru_cache(maxsize=MAXIMUM)
def _public_key(der: bytes) -> ec.EllipticCurvePublicKey:
    try:
        key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MalformedError("public_key: not a DER SubjectPublicKeyInfo") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP521R1):
        raise MalformedError("public_key: not a P-521 key")
    if key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != der:
        # A second encoding of one key would be a second administrator, and sign twice.
        raise MalformedError("public_key: not in its canonical encoding")
    return key
