"""Folders made equal to a copy in place: what stands in both keeps its inode.

A running crypto unit holds its folder: by a bind mount of its container, by the lock in it, by the log that
it writes. So a folder that it is put back to is never a new folder, nor a file that it may hold a new file.
"""

import shutil
from pathlib import Path


def mirror(source: Path, target: Path) -> None:
    """Make the files and folders below ``target`` those below ``source``; both are folders.

    Not atomic: nothing may read ``target`` meanwhile.
    """
    wanted = {path.name: path for path in source.iterdir()}
    for path in target.iterdir():
        if path.name not in wanted or path.is_dir() is not wanted[path.name].is_dir():
            _remove(path)
    for name, path in wanted.items():
        if not path.is_dir():
            shutil.copy2(path, target / name)
        elif (target / name).exists():
            mirror(path, target / name)
        else:
            shutil.copytree(path, target / name)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
