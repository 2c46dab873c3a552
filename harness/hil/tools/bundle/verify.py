"""The check of a bundle: it is what ``archive.write`` would have written, or what differs is named.

First what a reader of zip files sees is compared with the manifest, because that has names for what is wrong.
Then the file is read once more from its first byte to its last, and every byte has to be the one that follows
from the manifest; that alone is the proof. Nothing is unpacked to disk, and nothing is read that is larger
than its manifest says.
"""

import hashlib
import json
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hil.model.printable import printable
from hil.tools.bundle import form
from hil.tools.bundle.archive import RAW, BadBundle, first, sha256
from hil.tools.bundle.form import MANIFEST, UNPACKED_MAX, ManifestEntry, Member

PIECE = 1 << 20
MANIFEST_MAX = 1 << 28
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)
UNREADABLE = (*BROKEN, OverflowError, MemoryError)  # of a table of contents that names anything
EARLIER = 1


@dataclass(frozen=True)
class BundleProblem:
    """One part of a bundle that is not as it was made; ``text`` in words."""

    path: str
    text: str

    def __str__(self) -> str:
        return printable(f"{self.path} {self.text}")


@dataclass(frozen=True)
class BundleCheck:
    """What a check of a bundle found; ``manifest`` is the SHA-256 of its manifest in hex, empty: unreadable.

    ``files``: how many the manifest names.
    """

    files: int
    manifest: str
    problems: tuple[BundleProblem, ...]


class _Differs(Exception):
    """A byte is not the one that follows from the manifest; the text says where."""


def check(path: Path, known: str = "") -> BundleCheck:
    """Check a bundle; ``known``: the SHA-256 that its manifest had, in hex. Raises BadBundle."""
    if not path.is_file():
        raise BadBundle(f"{path} is not there" if not path.exists() else f"{path} is no file")
    try:
        with path.open("rb") as stream:
            return _checked(stream, path, known)
    except OSError as error:
        raise BadBundle(f"{path}: {error.strerror or error}") from error


def _checked(stream: IO[bytes], path: Path, known: str) -> BundleCheck:
    size = path.stat().st_size
    if size > 2 * UNPACKED_MAX:
        raise BadBundle(f"{path} is larger than any bundle; name a file that 'hil bundle' made")
    data = _manifest(stream, path)
    if isinstance(data, BundleProblem):
        return BundleCheck(0, "", (data,))
    digest = sha256(data)
    try:
        entries = form.entries(data)
    except ValueError as error:
        return BundleCheck(0, digest, (BundleProblem(MANIFEST, str(error)),))
    unpacked = sum(entry.size for entry in entries.values())
    if unpacked > UNPACKED_MAX:
        text = f"names {unpacked} bytes, a bundle holds {UNPACKED_MAX}; do not unpack it"
        return BundleCheck(len(entries), digest, (BundleProblem(MANIFEST, text),))
    found = (*_other(digest, known), *_seen(stream, entries))
    try:
        _read_whole(stream, data, entries)
    except _Differs as error:
        found = found or (BundleProblem(path.name, str(error)),)
    return BundleCheck(len(entries), digest, found)


def _other(digest: str, known: str) -> Iterator[BundleProblem]:
    if known not in {"", digest}:
        yield BundleProblem(MANIFEST, f"is another than the one with the hash {known}")


def _manifest(stream: IO[bytes], path: Path) -> bytes | BundleProblem:
    """Return the manifest that a reader of zip files takes for it; raises BadBundle where there is none."""
    ours = stream.read(len(first(b"").local)).endswith(MANIFEST.encode())
    try:
        with zipfile.ZipFile(stream) as archive:
            ours = ours or MANIFEST in archive.namelist()
            with archive.open(MANIFEST) as member:
                data = member.read(MANIFEST_MAX)
    except (KeyError, *UNREADABLE) as error:
        if ours:
            return BundleProblem(MANIFEST, f"cannot be read: {error}; ask for the bundle once more")
        raise BadBundle(f"{path} is no bundle: {error}") from error
    if _earlier(data):
        raise BadBundle(f"{path} was made by an earlier version of hil; check it with that one")
    return data


def _earlier(data: bytes) -> bool:
    try:
        return bool(json.loads(data)["schema_version"] == EARLIER)
    except (KeyError, RecursionError, TypeError, ValueError):
        return False


def _seen(stream: IO[bytes], entries: Mapping[str, ManifestEntry]) -> Iterator[BundleProblem]:
    """Yield what a reader of zip files sees that is not as the manifest says."""
    try:
        with zipfile.ZipFile(stream) as archive:
            infos = {info.filename: info for info in archive.infolist()}
            counts = Counter(info.filename for info in archive.infolist())
            yield from _disorder(list(infos), [MANIFEST, *entries])
            for name, count in counts.items():
                if count > 1:
                    yield BundleProblem(name, f"is there {count} times")
                elif name not in {MANIFEST, *entries}:
                    yield BundleProblem(name, "is not in the manifest")
                elif stat.S_IFMT(infos[name].external_attr >> 16) != stat.S_IFREG:
                    yield BundleProblem(name, "is not marked as a regular file")
            for name, entry in entries.items():
                if name not in infos:
                    yield BundleProblem(name, "is missing")
                    continue
                seen = _hash(archive, infos[name], entry.size)
                if isinstance(seen, BundleProblem):
                    yield seen
                elif seen != entry.sha256:
                    yield BundleProblem(name, "is not the file that the manifest names")
    except UNREADABLE as error:
        yield BundleProblem("table of contents", f"is damaged: {error}")


def _disorder(there: list[str], wanted: list[str]) -> Iterator[BundleProblem]:
    if sorted(there) == sorted(wanted):
        at = next((at for at, pair in enumerate(zip(there, wanted, strict=True)) if pair[0] != pair[1]), None)
        if at is not None:
            yield BundleProblem(there[at], f"stands where {wanted[at]} belongs")


def _hash(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> str | BundleProblem:
    """Return the SHA-256 of a member of at most so many bytes, in hex."""
    digest, left = hashlib.sha256(), most + 1
    try:
        with archive.open(info) as stream:
            while left and (data := stream.read(min(left, PIECE))):
                digest.update(data)
                left -= len(data)
    except UNREADABLE as error:
        return BundleProblem(info.filename, f"is damaged: {error}")
    return digest.hexdigest() if left else BundleProblem(info.filename, "is larger than the manifest says")


class _HashingReader:
    """Reads a file from its beginning, and hashes all that it has read."""

    def __init__(self, stream: IO[bytes]) -> None:
        stream.seek(0)
        self._stream, self._digest, self.at = stream, hashlib.sha256(), 0

    @property
    def hexdigest(self) -> str:
        """Hash of all bytes so far."""
        return self._digest.hexdigest()

    def read(self, count: int) -> bytes:
        """Return so many bytes, fewer at the end of the file."""
        data = self._stream.read(count)
        self._digest.update(data)
        self.at += len(data)
        return data

    def expect(self, wanted: bytes, what: str) -> None:
        """Read the bytes that have to come; raises _Differs."""
        at = self.at
        if self.read(len(wanted)) != wanted:
            raise _Differs(f"is not what 'hil bundle' writes from byte {at} on, where {what} begins")


def _read_whole(stream: IO[bytes], manifest: bytes, entries: Mapping[str, ManifestEntry]) -> None:
    """Read the file from its first byte to its last; raises _Differs at the first that cannot be there."""
    reader = _HashingReader(stream)
    head = first(manifest)
    reader.expect(head.local + manifest, MANIFEST)
    members = [head]
    for name, entry in entries.items():
        at, before = reader.at, reader.read(len(Member(name, 0, 0, 0).local))
        member = Member(name, form.crc(before), entry.size, entry.packed_size)
        if before != member.local:
            raise _Differs(f"is not what 'hil bundle' writes from byte {at} on, where {name} begins")
        if _stream(reader, name, entry) != member.crc:
            raise _Differs(f"names another checksum of {name} than it has")
        members.append(member)
    reader.expect(form.closing(members), "its table of contents")
    reader.expect(reader.hexdigest.encode(), "its seal, the hash at its end")
    if reader.read(1):
        raise _Differs("goes on behind its end")


def _stream(reader: _HashingReader, name: str, entry: ManifestEntry) -> int:
    """Read the stream of a member and return the CRC-32 of its content; raises _Differs."""
    unpacker = zlib.decompressobj(RAW)
    packed, content, crc, size = hashlib.sha256(), hashlib.sha256(), 0, 0
    left = entry.packed_size
    try:
        while left and (piece := reader.read(min(left, PIECE))):
            left -= len(piece)
            packed.update(piece)
            while piece and not unpacker.eof and size <= entry.size:
                data = unpacker.decompress(piece, PIECE)
                piece = unpacker.unconsumed_tail
                size, crc = size + len(data), zlib.crc32(data, crc)
                content.update(data)
    except zlib.error as error:
        raise _Differs(f"holds a stream of {name} that is damaged: {error}") from error
    ended = not left and unpacker.eof and not unpacker.unused_data
    hashes = content.hexdigest(), size, packed.hexdigest()
    if not ended or hashes != (entry.sha256, entry.size, entry.packed_sha256):
        raise _Differs(f"holds another stream of {name} than the manifest names")
    return crc
