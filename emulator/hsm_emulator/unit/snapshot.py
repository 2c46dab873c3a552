"""Snapshots of a stopped crypto unit for the bench: state, token and PIN."""

import shutil
from pathlib import Path

from hsm_emulator.unit.factory import UsageError, locked
from hsm_emulator.unit.state import Folder


def take(unit: Path, snapshot: Path) -> None:
    """Copy state and token of a stopped unit into a new folder.

    Raises:
        UsageError: the unit runs, or ``snapshot`` exists.
    """
    if snapshot.exists():
        raise UsageError(f"{snapshot} exists; choose a new folder")
    source, copy = Folder(unit), Folder(snapshot)
    with locked(source):
        shutil.copytree(source.tokens, copy.tokens)
        for name in _files(source):
            shutil.copy2(source.path / name, copy.path / name)


def restore(unit: Path, snapshot: Path) -> None:
    """Put state and token of a stopped unit back to a snapshot of the same unit.

    Not atomic: the bench restores before it starts a unit, and again if it was interrupted.

    Raises:
        UsageError: the unit runs, or ``snapshot`` is not of this unit.
    """
    target, copy = Folder(unit), Folder(snapshot)
    with locked(target):
        if not copy.identity.exists() or copy.identity.read_bytes() != target.identity.read_bytes():
            raise UsageError(f"{snapshot} is no snapshot of the unit in {unit}")
        shutil.rmtree(target.tokens)
        shutil.copytree(copy.tokens, target.tokens)
        for name in _files(copy):
            shutil.copy2(copy.path / name, target.path / name)


def _files(folder: Folder) -> list[str]:
    return [path.name for path in (folder.identity, folder.state, folder.pin)]
