"""Master key parts: 32 bytes each in password-protected files ``N.mkpart``.

Two or three parts make a master key; they are combined inside a crypto unit and never here.
"""

import hashlib
from dataclasses import asdict, dataclass, replace
from typing import Any

from hsm_emulator.tke.errors import Failed
from hsm_emulator.tke.sealed import Sealed, WrongPassword, seal, unseal
from hsm_emulator.tke.workstation import Workstation

SUFFIX = "mkpart"
PART_BYTES = 32


@dataclass(frozen=True)
class KeyPart:
    """A key part file; ``pattern`` is the verification pattern of the part, 64 hex digits."""

    number: int
    description: str
    pattern: str
    sealed: Sealed

    def unlock(self, password: str) -> bytes:
        """Return the part's 32 bytes; raises Failed where the password is wrong."""
        try:
            return unseal(self.sealed, password, self.pattern)
        except WrongPassword as error:
            raise Failed(f"The password for key file {self.number} is incorrect.") from error


def create(workstation: Workstation, value: bytes, description: str, password: str) -> KeyPart:
    """Write a key part of 32 bytes under the next free number."""
    pattern = hashlib.sha256(b"\x01" + value).hexdigest()
    part = KeyPart(0, description, pattern, seal(value, password, pattern))
    content = asdict(part)
    del content["number"]
    return replace(part, number=workstation.add(SUFFIX, content))


def read_all(workstation: Workstation) -> list[KeyPart]:
    """All key parts of the workstation, in the order of their numbers."""
    return [_read(workstation, number) for number in workstation.numbered(SUFFIX)]


def remove(workstation: Workstation, number: int) -> None:
    """Remove a key part file."""
    workstation.remove(_file(number))


def _file(number: int) -> str:
    return f"{number}.{SUFFIX}"


def _read(workstation: Workstation, number: int) -> KeyPart:
    value: dict[str, Any] = workstation.read_json(_file(number))
    try:
        return KeyPart(**{**value, "number": number, "sealed": Sealed(**value["sealed"])})
    except (KeyError, TypeError) as error:
        raise Failed(f"The key part file {_file(number)} is damaged.") from error
