"""The parts of a campaign in their order, for whoever watches it."""

from collections.abc import Callable
from enum import StrEnum


class Phase(StrEnum):
    """What a campaign is doing."""

    GOLDEN = "golden state"
    RECORDING = "recording"
    PLANNING = "planning"
    PLAYING = "playing"


OnPhase = Callable[[Phase], None]


def ignore_phase(_phase: Phase) -> None:
    """Tell nobody."""
