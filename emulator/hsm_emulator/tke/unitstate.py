"""What a crypto unit says about itself: the answer to ``GET /v1/unit`` as frozen values."""

from dataclasses import dataclass
from typing import Any

from hsm_emulator.instance import UnitType
from hsm_emulator.registers import RegisterState

# Newer modules blank the last four bytes of a verification pattern; what is compared is the rest.
PATTERN_COMPARED = 56


@dataclass(frozen=True)
class RegisterStatus:
    """A master key register; ``pattern`` is 64 hex digits, zeros when Empty."""

    state: RegisterState
    pattern: str

    @property
    def compared(self) -> str:
        """The part of the verification pattern by which two registers are compared."""
        return self.pattern[:PATTERN_COMPARED]


@dataclass(frozen=True)
class InstalledAdministrator:
    """An installed administrator; ``ski`` is 64 hex digits."""

    name: str
    ski: str


@dataclass(frozen=True)
class UnitStatus:
    """A crypto unit at one moment; ``counter`` is that of the last command it accepted."""

    number: int
    type: UnitType
    module: str
    domain: int
    imprint: bool
    signature_threshold: int
    revocation_threshold: int
    counter: int
    administrators: tuple[InstalledAdministrator, ...]
    current: RegisterStatus
    new: RegisterStatus

    @property
    def skis(self) -> frozenset[str]:
        """Subject key identifiers of the installed administrators."""
        return frozenset(administrator.ski for administrator in self.administrators)


def parse(body: dict[str, Any]) -> UnitStatus:
    """Read an answer of a unit; raises KeyError, TypeError or ValueError where it is malformed."""
    return UnitStatus(
        number=body["number"],
        type=UnitType(body["type"]),
        module=body["module"],
        domain=body["domain"],
        imprint=body["imprint"],
        signature_threshold=body["signature_threshold"],
        revocation_threshold=body["revocation_threshold"],
        counter=body["counter"],
        administrators=tuple(InstalledAdministrator(a["name"], a["ski"]) for a in body["administrators"]),
        current=_register(body["registers"]["current"]),
        new=_register(body["registers"]["new"]),
    )


def _register(body: dict[str, Any]) -> RegisterStatus:
    return RegisterStatus(RegisterState(body["state"]), body["pattern"])
