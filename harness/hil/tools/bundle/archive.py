"""Writing a bundle: a zip file in which no byte can change without being noticed.

Each file is compressed on its own, so that one flipped byte damages one file, and that one can be named; in
a compressed tar it would take everything behind it along. The manifest, its first member, has hashes of every
other, of its content and of the stream that it is packed as; every other byte follows from the manifest
(``harness/hil/tools/bundle/form.py``), up to the archive's comment, its last bytes: a hash of all before.

So no two files have the same manifest and are both as they should be. Whoever holds the hash of the manifest,
which is printed when the bundle is made, knows that he has what was made. Without it the check finds
accidents, and files that contradict themselves: who changes a file can write all hashes anew.

Rejected: members that are not compressed, whose bytes a checker could write himself (a run is fifteen times
as large), and to compress them again for comparison (each version of zlib writes another stream).
"""

import hashlib
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hil.tools.bundle import form
from hil.tools.bundle.form import MANIFEST, UNPACKED_MAX, ManifestEntry, Member

LEVEL = 6
RAW = -15  # a deflate stream without head and tail, as zip files have it


class BadBundle(Exception):
    """There can be no such bundle, or the file is none; the text says what to do."""


def write(path: Path, files: Iterable[tuple[str, bytes]], about: Mapping[str, Any]) -> str:
    """Write a bundle and return the SHA-256 of its manifest, in hex; ``about`` goes into the manifest.

    Names have to be safe (``form.safe``). Raises BadBundle where the files are too large together.
    """
    contents = dict(sorted(files))
    size = sum(map(len, contents.values()))
    if size > UNPACKED_MAX:
        raise BadBundle(f"the files have {size} bytes, a bundle holds {UNPACKED_MAX}; choose a smaller run")
    streams = {name: _packed(data) for name, data in contents.items()}
    entries = {
        name: ManifestEntry(sha256(data), len(data), sha256(streams[name]), len(streams[name]))
        for name, data in contents.items()
    }
    manifest = form.manifest(entries, about)
    members = [
        first(manifest),
        *(Member(name, zlib.crc32(data), len(data), len(streams[name])) for name, data in contents.items()),
    ]
    _write(path, members, {MANIFEST: manifest, **streams})
    return sha256(manifest)


def first(manifest: bytes) -> Member:
    """Return the member that the manifest is: stored as it is, because nothing could say how it is packed."""
    return Member(MANIFEST, zlib.crc32(manifest), len(manifest), len(manifest), form.STORED)


def sha256(data: bytes) -> str:
    """Return the hash, in hex."""
    return hashlib.sha256(data).hexdigest()


def _packed(data: bytes) -> bytes:
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, RAW)
    return packer.compress(data) + packer.flush()


def _write(path: Path, members: list[Member], streams: Mapping[str, bytes]) -> None:
    """Replace the file as a whole."""
    temporary = path.with_name(f".{path.name}.tmp")
    digest = hashlib.sha256()
    try:
        with temporary.open("wb") as out:
            pieces = [piece for member in members for piece in (member.local, streams[member.name])]
            for piece in (*pieces, form.closing(members)):
                digest.update(piece)
                out.write(piece)
            out.write(digest.hexdigest().encode())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
