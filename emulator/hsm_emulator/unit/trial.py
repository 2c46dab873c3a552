"""What a PKCS#11 module can do, asked before a crypto unit is made on it, and tried on a unit of its own.

A list of mechanisms is a promise. The trial does what a unit does with its token, one step after the other,
each with keys of its own and independent of the others, and leaves nothing on the token.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hsm_emulator.instance import UnitType
from hsm_emulator.unit.command import HsmError, WrappedKey
from hsm_emulator.unit.factory import locked
from hsm_emulator.unit.keypart import PART_BYTES, wrap_part
from hsm_emulator.unit.module import Described, module_of
from hsm_emulator.unit.state import Folder, Identity, read_identity
from hsm_emulator.unit.token import Token, TokenError, look


class Otherwise(Exception):
    """A step went through, and its result is not what a unit relies on."""


def mechanisms(path: Path, description: Path) -> dict[str, Any]:
    """Return library and slots of a module, before it has a token.

    ``path`` is an empty folder for token files, ``description`` a module.json. Raises as ``look`` does.
    """
    described = Described.read(description)
    folder = Folder(path)
    folder.tokens.mkdir(parents=True, exist_ok=True)
    described.configure(folder, Identity(1, UnitType.RECOVERY, "", "", 1))
    name, slots = look(described.library)
    return {"library": name, "slots": [asdict(slot) for slot in slots]}


def trial(path: Path) -> list[dict[str, str]]:
    """Try every step on a unit in its factory state; ``error`` is empty where it went well."""
    folder = Folder(path)
    with locked(folder):
        token = module_of(folder).open(folder, read_identity(folder), (), exportable=True)
        try:
            return [{"step": name, "error": _error(step, token)} for name, step in STEPS.items()]
        finally:
            token.close()


def _error(step: Callable[[Token], None], token: Token) -> str:
    try:
        step(token)
    except (TokenError, HsmError, Otherwise, OSError, ValueError) as error:
        return str(error)
    return ""


def _generate(token: Token) -> None:
    with token.random_key() as one, token.random_key() as other:
        if one.pattern == other.pattern:
            raise Otherwise("two random keys have one verification pattern")


def _hide(token: Token) -> None:
    with token.random_key() as key:
        if not token.hides(key):
            raise Otherwise("CKA_SENSITIVE was asked for, and the key is not sensitive")


def _keep(token: Token) -> None:
    with token.random_key() as key:
        token.destroy(token.keep(key))
        token.sweep(())


def _hand_over(token: Token) -> None:
    importer = token.importer()
    try:
        with token.random_key() as key:
            kept = token.keep(key)
        try:
            exported = token.export(kept, importer.point)
        finally:
            token.destroy(kept)
        with token.imported_key(importer, exported) as key:
            if key.pattern != kept.pattern:
                raise Otherwise("the imported key is another one")
    finally:
        token.forget(importer)


def _load(token: Token) -> None:
    importer = token.importer()
    try:
        part = secrets.token_bytes(PART_BYTES)
        parts = [WrappedKey(*wrap_part(importer.point, each)) for each in (part, bytes(PART_BYTES))]
        with token.combined_key(importer, parts) as loaded, token.imported_key(importer, parts[0]) as same:
            if loaded.pattern != same.pattern:
                raise Otherwise("the combined key is not the exclusive or of its parts")
    finally:
        token.forget(importer)


STEPS: Mapping[str, Callable[[Token], None]] = {
    "a random AES-256 session key, and its verification pattern by C_DigestKey": _generate,
    "CKA_SENSITIVE": _hide,
    "a token object with its CKA_ID by C_CopyObject, found and destroyed by it": _keep,
    "a key from unit to unit: ECDH on P-521 with CKD_NULL, C_WrapKey, C_UnwrapKey": _hand_over,
    "key parts of the workstation: the end of the ECDH secret, CKA_VALUE of an unwrapped part": _load,
}
