"""A program that changes one file: whether its system calls can be watched shows whether any can be."""

from pathlib import Path


def main(argv: list[str]) -> int:
    """Make a folder below the one that is given, and rename it."""
    (folder,) = map(Path, argv)
    (folder / "before").mkdir()
    (folder / "before").rename(folder / "after")
    return 0
