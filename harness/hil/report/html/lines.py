"""Lines of the matrix: what stands over the squares, and rows of them, in the order of the crash points."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Heading:
    """A line over rows; ``css`` is ``flow``, ``step``, or ``message`` for what stood on the terminal then."""

    text: str
    css: str


@dataclass(frozen=True)
class MatrixRow:
    """Crash points of one kind; ``numbers`` are their scenarios, of every procedure, in order."""

    label: str
    numbers: tuple[int, ...]


Line = Heading | MatrixRow
