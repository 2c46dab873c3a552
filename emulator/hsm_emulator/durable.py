"""Atomic replacement of a file: the one way in which the emulator changes durable state.

Models: a reader, or a restart after SIGKILL, sees the old content or the new one, never a mixture.
Does not model: loss of power with a disk that lies about flushes.
"""

import json
import os
from pathlib import Path


def replace_bytes(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Put ``content`` in place of ``path``: temporary file, fsync, rename, fsync of the folder."""
    temporary = path.with_name(path.name + ".tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    fsync_folder(path.parent)


def replace_json(path: Path, value: object, mode: int = 0o600) -> None:
    """Put ``value`` as JSON in place of ``path``, atomically."""
    replace_bytes(path, json.dumps(value, sort_keys=True).encode() + b"\n", mode)


def fsync_folder(folder: Path) -> None:
    """Make renames and unlinks in ``folder`` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
