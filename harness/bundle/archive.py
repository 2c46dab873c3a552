"""The archive: a zip file in which no byte can change without being noticed.

Each file is compressed on its own, so that one flipped byte damages one file, and that one can be named; in
a compressed tar it would take everything behind it along. Times, owners and order are fixed: the same
evidence makes the same archive on any day. The manifest, its first member, has a hash of every other; the
archive's comment, its last bytes, is a hash of everything before, headers and table of contents included.

Whoever holds the hash of the manifest, which is printed when the bundle is made, knows that nothing was
exchanged together with its entry; without that the check finds accidents, not forgery.
"""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
SCHEMA_VERSION = 1
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644 << 16
SEAL_DIGITS = 64
PIECE = 1 << 20


class BadBundle(Exception):
    """The file is no bundle, or cannot be read as one; the text says what to do."""


@dataclass(frozen=True)
class Problem:
    """One member of a bundle that is not what the manifest says; ``text`` in words."""

    path: str
    text: str


def write(path: Path, files: Iterable[tuple[str, bytes]], about: Mapping[str, Any]) -> str:
    """Write a bundle and return the SHA-256 of its manifest, in hex; ``about`` goes into the manifest."""
    members = dict(sorted(files))
    entries = {name: {"sha256": _hash(data), "bytes": len(data)} for name, data in members.items()}
    manifest = json.dumps({"schema_version": SCHEMA_VERSION, **about, "files": entries}, indent=1).encode()
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with zipfile.ZipFile(temporary, "w") as archive:
            for name, data in {MANIFEST: manifest, **members}.items():
                archive.writestr(_info(name), data)
            archive.comment = b"0" * SEAL_DIGITS
        _seal(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return _hash(manifest)


@dataclass(frozen=True)
class Checked:
    """What a check of a bundle found; ``manifest`` is the SHA-256 of the manifest, in hex."""

    files: int
    manifest: str
    problems: tuple[Problem, ...]


def check(path: Path) -> Checked:
    """Compare every member with the manifest, and the whole with its seal; raises BadBundle."""
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _read(archive, MANIFEST)
            if isinstance(manifest, Problem):
                raise BadBundle(f"{path}: {MANIFEST} {manifest.text}; ask for the bundle once more")
            entries = _entries(path, manifest)
            problems = tuple(_wrong(archive, entries))
            if not problems and not _sealed(path):
                problems = (Problem(path.name, "was changed outside of its files"),)
            return Checked(len(entries), _hash(manifest), problems)
    except OSError as error:
        raise BadBundle(f"{path}: {error.strerror}") from error
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise BadBundle(f"{path} is no bundle, or its table of contents is damaged: {error}") from error


def _entries(path: Path, manifest: bytes) -> dict[str, Any]:
    try:
        entries = json.loads(manifest)["files"]
        return {name: entry["sha256"] for name, entry in entries.items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadBundle(f"{path}: {MANIFEST} is none of a bundle: {error!r}") from error


def _wrong(archive: zipfile.ZipFile, entries: Mapping[str, str]) -> Iterator[Problem]:
    there = set(archive.namelist())
    for name, wanted in entries.items():
        data = _read(archive, name) if name in there else Problem(name, "is missing")
        if isinstance(data, Problem):
            yield data
        elif _hash(data) != wanted:
            yield Problem(name, "is not the file that the manifest names")
    for name in archive.namelist():
        if name != MANIFEST and name not in entries:
            yield Problem(name, "is not in the manifest")


def _seal(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.seek(_rest(path))
        stream.write(_hash_of(path).encode())


def _sealed(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(_rest(path))
        return stream.read() == _hash_of(path).encode()


def _rest(path: Path) -> int:
    return path.stat().st_size - SEAL_DIGITS


def _hash_of(path: Path) -> str:
    """Hash everything before the seal, in pieces: a bundle may be larger than memory."""
    digest, left = hashlib.sha256(), _rest(path)
    with path.open("rb") as stream:
        while left and (piece := stream.read(min(left, PIECE))):
            digest.update(piece)
            left -= len(piece)
    return digest.hexdigest()


def _read(archive: zipfile.ZipFile, name: str) -> bytes | Problem:
    try:
        return archive.read(name)
    except KeyError:
        return Problem(name, "is missing")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        return Problem(name, f"is damaged: {error}")


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = _MODE
    info.create_system = 3  # Unix, wherever it is made
    return info


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
