"""The parts of a campaign in their order, for whoever watches it."""

from collections.abc import Callable
from enum import StrEnum


class Phase(StrEnum):
    """What a campaign is doing."""

    GOLDEN = "golden state"
    RECORDING = "recording"
    PLANNING = "planning"
    PLAYING = "playing"


Entered = Callable[[Phase], None]


def unheard(_phase: Phase) -> None:
    """Tell nobody."""
