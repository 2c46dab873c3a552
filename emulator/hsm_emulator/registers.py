"""States of a master key register, in the words that a crypto unit says and an operator reads."""

from enum import StrEnum


class RegisterState(StrEnum):
    """CURRENT is Empty or Valid; NEW is Empty, Full Uncommitted or Full Committed."""

    EMPTY = "Empty"
    VALID = "Valid"
    FULL_UNCOMMITTED = "Full Uncommitted"
    FULL_COMMITTED = "Full Committed"
