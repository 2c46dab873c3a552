"""What a check says."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CheckReading:
    """What a check saw, in words; ``todo`` is what to do about it, empty where all is well."""

    text: str
    todo: str = ""
