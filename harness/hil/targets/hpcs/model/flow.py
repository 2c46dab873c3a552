"""The two documented ways of rotating that this target drives."""

from enum import StrEnum


class Flow(StrEnum):
    """A rotation, from its first command to its last; the first part of a scenario's id."""

    AUTO = "auto"  # auto-mk-rotate, by recovery crypto units
    PARTS = "parts"  # mk-load, mk-commit, mk-rotate, by key-part files
