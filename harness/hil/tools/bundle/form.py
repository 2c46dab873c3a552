"""The form of a bundle: every byte that stands around the contents of its members.

A zip file (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT) says most things twice, may say them
differently each time, and has room before, between and behind its entries; readers differ in what they take
from it. So a bundle has one form, which follows from its manifest: members in order of their names, behind
the manifest; Unix, regular files, one date, no extra fields, no gaps. Whoever writes uses these functions,
and whoever checks as well: what differs is no bundle. ``zipfile`` writes no part of it, because another
version of it would write other bytes.
"""

import json
import stat
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

MANIFEST = "manifest.json"
SCHEMA_VERSION = 2  # 1 did not know how members are packed
SEAL_DIGITS = 64
# All members together: a run of thirty thousand scenarios. Whoever unpacks a bundle needs not much more room.
UNPACKED_MAX = 1 << 30

STORED, DEFLATED = 0, 8
STRANGE = "is not written as 'hil bundle' writes it"
_UNIX = 3
_VERSION = 20  # of the zip format: folders and deflate
_VERSION_64 = 45
_DATE = 0x21  # 1 January 1980, the first that there is
_MODE = (stat.S_IFREG | 0o644) << 16
_UTF8 = 0x800
_MANY = 0xFFFF  # so many members are counted elsewhere
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s4B4H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")


@dataclass(frozen=True)
class ManifestEntry:
    """What the manifest says of a member: hash and size of its content, and of the deflate stream of it.

    The stream is named as well because the same content has many, and other versions of zlib write others.
    """

    sha256: str
    size: int
    packed_sha256: str
    packed_size: int


@dataclass(frozen=True)
class Member:
    """What a member's headers are made of; ``crc`` is that of its content, ``method`` how it is packed."""

    name: str
    crc: int
    size: int
    packed_size: int
    method: int = DEFLATED

    @property
    def path(self) -> bytes:
        """The name as it is written."""
        return self.name.encode()

    @property
    def _flags(self) -> int:
        return 0 if self.name.isascii() else _UTF8

    @property
    def local(self) -> bytes:
        """The header in front of the content."""
        sizes = self.crc, self.packed_size, self.size
        words = _VERSION, self._flags, self.method, 0, _DATE
        return _LOCAL.pack(b"PK\3\4", *words, *sizes, len(self.path), 0) + self.path

    def central(self, offset: int) -> bytes:
        """Return the line of the table of contents, for a local header that begins at ``offset``."""
        sizes = self.crc, self.packed_size, self.size
        made = _VERSION, _UNIX, _VERSION, 0
        words = self._flags, self.method, 0, _DATE
        lengths = len(self.path), 0, 0, 0, 0
        return _CENTRAL.pack(b"PK\1\2", *made, *words, *sizes, *lengths, _MODE, offset) + self.path


def crc(local: bytes) -> int:
    """Return the checksum that a local header names."""
    return int.from_bytes(local[14:18], "little")


def closing(members: Sequence[Member]) -> bytes:
    """Return everything behind the last member but the seal, which is the archive's comment."""
    table, offset = bytearray(), 0
    for member in members:
        table += member.central(offset)
        offset += len(member.local) + member.packed_size
    count, end = len(members), offset + len(table)
    many = b""
    if count >= _MANY:
        about = _END_64.size - 12, _VERSION_64, _VERSION_64, 0, 0
        many = _END_64.pack(b"PK\6\6", *about, count, count, len(table), offset)
        many += _LOCATOR.pack(b"PK\6\7", 0, end, 1)
    counts = (min(count, _MANY),) * 2
    return bytes(table) + many + _END.pack(b"PK\5\6", 0, 0, *counts, len(table), offset, SEAL_DIGITS)


def safe(name: str) -> bool:
    """Whether a member's name leads to a place below the folder where it is unpacked, on every system."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    parts = name.split("/")
    plain = name.isprintable() and not set(name) & set("\\:")
    return plain and not {"", ".", ".."} & set(parts) and str(PurePosixPath(name)) == name


def manifest(entries: Mapping[str, ManifestEntry], about: Mapping[str, Any]) -> bytes:
    """Return manifest.json; ``about`` is what it says of the run."""
    files = {name: vars(entry) for name, entry in sorted(entries.items())}
    return json.dumps({"schema_version": SCHEMA_VERSION, **about, "files": files}, indent=1).encode()


def entries(data: bytes) -> dict[str, ManifestEntry]:
    """Read a manifest; raises ValueError where ``manifest`` would have written another one."""
    try:
        about = json.loads(data)
        found = {name: ManifestEntry(**entry) for name, entry in about.pop("files").items()}
        version = about.pop("schema_version")
        again = manifest(found, about)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(STRANGE) from error
    if version != SCHEMA_VERSION or again != data:
        raise ValueError(STRANGE)
    for name, entry in found.items():
        sizes = entry.size, entry.packed_size
        if not all(type(size) is int and size >= 0 for size in sizes):
            raise ValueError(f"names a size of {name} that is none")
        if name == MANIFEST or not safe(name):
            raise ValueError(f"names {name!r}, which no bundle can hold")
    return found
