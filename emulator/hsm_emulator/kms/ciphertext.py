"""The ciphertext that wrap hands to a caller: which version of the root key locked it, and the blob. Pure.

Base64 of a JSON object ``{"v": version, "blob": base64 of AES_KEY_WRAP of the data key}``.
"""

import base64
import json
import operator
from typing import Any

from hsm_emulator.kms.errors import Code, KmsError
from hsm_emulator.kms.model import MATERIAL_BYTES

_VERSIONS = range(1, 2**31)  # more than a key will ever have, and no more than a database can hold


def seal(version: int, blob: bytes) -> str:
    """Return the ciphertext of a data key under a version of its root key."""
    return base64.b64encode(json.dumps({"v": version, "blob": encode(blob)}).encode()).decode()


def open_sealed(text: object) -> tuple[int, bytes]:
    """Return version and blob of a ciphertext; KmsError BAD_REQUEST where it is none."""
    try:
        value = json.loads(decode(text, "ciphertext"))
        return _version(value["v"]), decode(value["blob"], "ciphertext")
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise KmsError(Code.BAD_REQUEST, "ciphertext: not one that this service has made") from error


def _version(value: Any) -> int:  # noqa: ANN401  unchecked JSON
    number = operator.index(value)
    if number not in _VERSIONS:
        raise ValueError(number)
    return number


def encode(data: bytes) -> str:
    """Return ``data`` in base64."""
    return base64.b64encode(data).decode()


def decode(text: object, what: str) -> bytes:
    """Return the bytes of a base64 text; KmsError BAD_REQUEST names ``what``, never its value."""
    try:
        return base64.b64decode(str(text), validate=True)
    except ValueError as error:
        raise KmsError(Code.BAD_REQUEST, f"{what}: base64 text expected") from error


def material(body: dict[str, Any], name: str) -> bytes | None:
    """Return the key bytes that a request brings along under ``name``, None where it brings none."""
    if body.get(name) is None:
        return None
    data = decode(body[name], name)
    if len(data) not in MATERIAL_BYTES:
        raise KmsError(Code.BAD_REQUEST, f"{name}: a key of 16, 24 or 32 bytes expected, not {len(data)}")
    return data
