"""Secrets of the workstation under a password: PBKDF2-HMAC-SHA-256 and AES-256-GCM.

The iteration count is the one of the modelled product's open sibling (4096). It is written beside the
ciphertext, so that a later count can be higher without breaking the files that are there.
"""

import base64
import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

ITERATIONS = 4096
_SALT_BYTES = 16
_NONCE_BYTES = 12


class WrongPassword(Exception):
    """The password does not open the secret, or the file was altered."""


@dataclass(frozen=True)
class Sealed:
    """An encrypted secret; binary fields are base64 text, as they stand in the file."""

    salt: str
    iterations: int
    nonce: str
    ciphertext: str


def seal(secret: bytes, password: str, bound_to: str) -> Sealed:
    """Encrypt ``secret``; it opens only together with the same ``bound_to`` text."""
    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
    cipher = AESGCM(_key(password, salt, ITERATIONS))
    ciphertext = cipher.encrypt(nonce, secret, bound_to.encode())
    return Sealed(_text(salt), ITERATIONS, _text(nonce), _text(ciphertext))


def unseal(sealed: Sealed, password: str, bound_to: str) -> bytes:
    """Return the secret; raises WrongPassword."""
    try:
        cipher = AESGCM(_key(password, base64.b64decode(sealed.salt), sealed.iterations))
        return cipher.decrypt(
            base64.b64decode(sealed.nonce), base64.b64decode(sealed.ciphertext), bound_to.encode()
        )
    except (InvalidTag, ValueError) as error:
        raise WrongPassword from error


def _key(password: str, salt: bytes, iterations: int) -> bytes:
    return PBKDF2HMAC(SHA256(), 32, salt, iterations).derive(password.encode())


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
