"""Object files of SoftHSM that no register names, deleted before the library sees them.

A unit killed in the middle of a command leaves a torn or an orphan object file. SoftHSM 2.6.1 loads a torn
one as an object without attributes, over which every listing of the token stumbles; so the sweep works on
the files, before C_Initialize, and goes by the names that state.json records.
"""

from collections.abc import Iterable
from pathlib import Path

from hsm_emulator import durable
from hsm_emulator.unit.registers import MasterKey

OBJECT = ".object"
LOCK = ".lock"
_TOKEN = "token"  # noqa: S105  the stem of the token's own attribute file, not a secret


class KeyLostError(Exception):
    """A register names a key whose object file is gone; restore the unit from a snapshot."""


def token_folder(tokens: Path) -> Path:
    """Return the one folder of the token in SoftHSM's token folder.

    Raises:
        FileNotFoundError: there is none, or more than one.
    """
    folders = [path for path in tokens.iterdir() if path.is_dir()]
    if len(folders) != 1:
        raise FileNotFoundError(f"{tokens}: {len(folders)} tokens instead of 1")
    return folders[0]


def sweep(folder: Path, keys: Iterable[MasterKey]) -> list[str]:
    """Delete every object that no key of ``keys`` names; return the names of the deleted files.

    Raises:
        KeyLostError: the object of one of ``keys`` is not there.
    """
    named = {key.file for key in keys}
    if lost := [name for name in named if not (folder / f"{name}{OBJECT}").exists()]:
        raise KeyLostError(f"{folder}: {len(lost)} master key object(s) of the registers are gone")
    orphans = [
        path
        for path in folder.iterdir()
        if path.suffix in {OBJECT, LOCK} and path.stem not in named and path.stem != _TOKEN
    ]
    for path in orphans:
        path.unlink()
    if orphans:
        durable.fsync_folder(folder)
    return sorted(path.name for path in orphans)
