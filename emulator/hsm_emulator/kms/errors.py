"""Refusals of the service as a caller sees them: one code, one HTTP status, one sentence."""

from enum import StrEnum


class Code(StrEnum):
    """Error codes of the REST interface."""

    BAD_REQUEST = "BAD_REQUEST"
    UNAUTHORIZED = "UNAUTHORIZED"
    NOT_FOUND = "NOT_FOUND"
    KEY_STATE = "KEY_STATE"
    ROTATION_IN_PROGRESS = "ROTATION_IN_PROGRESS"
    MASTER_KEY_UNAVAILABLE = "MASTER_KEY_UNAVAILABLE"
    REGISTERS = "REGISTERS"
    UNKNOWN_MASTER_KEY = "UNKNOWN_MASTER_KEY"
    KEY_UNREADABLE = "KEY_UNREADABLE"
    UNIT_UNAVAILABLE = "UNIT_UNAVAILABLE"
    BUSY = "BUSY"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"


STATUS = {
    Code.BAD_REQUEST: 400,
    Code.UNAUTHORIZED: 401,
    Code.NOT_FOUND: 404,
    Code.KEY_STATE: 409,
    Code.ROTATION_IN_PROGRESS: 409,
    Code.MASTER_KEY_UNAVAILABLE: 409,
    Code.REGISTERS: 409,
    Code.UNKNOWN_MASTER_KEY: 409,
    Code.KEY_UNREADABLE: 409,
    Code.UNIT_UNAVAILABLE: 503,
    Code.BUSY: 503,
    Code.STORE_UNAVAILABLE: 503,
}


class KmsError(Exception):
    """A request was refused and nothing was changed; ``code`` says why, the text what to do."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def status(self) -> int:
        """HTTP status of the refusal."""
        return STATUS[self.code]


class UnitUnavailable(KmsError):
    """A crypto unit gave no usable answer within its deadline."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(Code.UNIT_UNAVAILABLE, f"crypto unit {number} is not available: {reason}")
        self.number = number
