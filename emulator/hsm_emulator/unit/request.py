"""The body of an administration command, checked member by member against a table.

Pure. The parameters keep two forms: as they came (they are part of the signed bytes) and decoded.
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hsm_emulator.unit.command import Command, MalformedError, Signature, WrappedKey

COUNTER_MAX = 2**63 - 1


@dataclass(frozen=True)
class CommandRequest:
    """A well-formed command; ``signed`` are its parameters as they came, ``parameters`` decoded."""

    command: Command
    counter: int
    signed: dict[str, Any]
    parameters: dict[str, Any]
    signatures: tuple[Signature, ...]


def parse(command: Command, body: object) -> CommandRequest:
    """Check and decode a body; raises MalformedError."""
    members = _members(body, {"counter", "parameters", "signatures"}, "body")
    table = PARAMETERS[command]
    signed = _members(members["parameters"], set(table), "parameters")
    return CommandRequest(
        command,
        _integer(0, COUNTER_MAX)(members["counter"], "counter"),
        signed,
        {name: decode(signed[name], name) for name, decode in table.items()},
        tuple(_signature(entry) for entry in _list(members["signatures"], "signatures")),
    )


def _members(value: object, names: set[str], where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != names:
        raise MalformedError(f"{where}: an object with exactly the members {sorted(names)} is expected")
    return value


def _list(value: object, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise MalformedError(f"{name}: a list is expected")
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise MalformedError(f"{name}: a string is expected")
    return value


def _blob(value: object, name: str) -> bytes:
    try:
        return base64.b64decode(_text(value, name), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError(f"{name}: base64 is expected") from error


def _digest(value: object, name: str) -> str:
    text = _text(value, name)
    if len(text) != 64 or set(text) - set("0123456789abcdef"):
        raise MalformedError(f"{name}: 64 lower-case hexadecimal digits are expected")
    return text


def _integer(low: int, high: int) -> Callable[[object, str], int]:
    def decode(value: object, name: str) -> int:
        if type(value) is not int or not low <= value <= high:
            raise MalformedError(f"{name}: a whole number from {low} to {high} is expected")
        return value

    return decode


def _register(value: object, name: str) -> str:
    text = _text(value, name)
    if text not in {"current", "new"}:
        raise MalformedError(f"{name}: current or new is expected")
    return text


def _part(value: object) -> WrappedKey:
    members = _members(value, {"public_key", "wrapped"}, "parts")
    return WrappedKey(_blob(members["public_key"], "public_key"), _blob(members["wrapped"], "wrapped"))


def _parts(value: object, name: str) -> tuple[WrappedKey, ...]:
    parts = tuple(_part(entry) for entry in _list(value, name))
    if len(parts) not in {2, 3}:
        raise MalformedError(f"{name}: 2 or 3 key parts are expected")
    return parts


def _signature(value: object) -> Signature:
    members = _members(value, {"ski", "signature"}, "signatures")
    return Signature(_digest(members["ski"], "ski"), _blob(members["signature"], "signature"))


_threshold = _integer(0, 8)

PARAMETERS: dict[Command, dict[str, Callable[[object, str], Any]]] = {
    Command.ADMIN_ADD: {"name": _text, "public_key": _blob},
    Command.ADMIN_RM: {"ski": _digest},
    Command.THRESHOLD_SET: {"signature": _threshold, "revocation": _threshold},
    Command.ZEROIZE: {},
    Command.IMPORTER: {},
    Command.GENERATE: {},
    Command.EXPORT: {"register": _register, "public_key": _blob},
    Command.IMPORT: {"importer_id": _digest, "wrapped": _blob, "public_key": _blob},
    Command.LOAD: {"importer_id": _digest, "parts": _parts},
    Command.COMMIT: {"pattern": _digest},
    Command.SETIMM: {"pattern": _digest},
    Command.CLRNEW: {},
    Command.CLRCUR: {},
}
