"""Forged bundles: a real one taken apart, changed, and put together again with a fresh seal."""

import hashlib
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from hil.tools.bundle import form
from hil.tools.bundle.archive import RAW
from hil.tools.bundle.form import MANIFEST, ManifestEntry, Member

LOCAL_BYTES = 30
MODE_AT, OFFSET_AT = 38, 42  # in a line of the table of contents
SYMLINK = 0o120777 << 16


@dataclass(frozen=True)
class Part:
    """A member: its content, what it is packed as, and bytes put in place of what its headers should be.

    ``listed``: it stands in the table of contents. ``gap``: bytes behind it.
    """

    name: str
    data: bytes
    level: int = 6
    mode: int = 0o100644 << 16
    listed: bool = True
    gap: bytes = b""
    method: int = form.DEFLATED
    local: Callable[[bytes], bytes] = bytes
    central: Callable[[bytes], bytes] = bytes

    @property
    def stream(self) -> bytes:
        """The content as it is packed."""
        if self.method == form.STORED:
            return self.data
        packer = zlib.compressobj(self.level, zlib.DEFLATED, RAW)
        return packer.compress(self.data) + packer.flush()

    @property
    def member(self) -> Member:
        """What its headers are made of."""
        return Member(self.name, zlib.crc32(self.data), len(self.data), len(self.stream), self.method)

    @property
    def entry(self) -> ManifestEntry:
        """What a manifest says of it."""
        hashes = (hashlib.sha256(data).hexdigest() for data in (self.data, self.stream))
        sizes = len(self.data), len(self.stream)
        return ManifestEntry(next(hashes), sizes[0], next(hashes), sizes[1])


@dataclass
class Forgery:
    """A bundle in parts; the first is the manifest."""

    parts: list[Part]
    prefix: bytes = b""
    shift: int = 0  # what the offsets in the table of contents know of the prefix
    suffix: bytes = b""
    seal: bytes = b""
    about: dict[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, bundle: Path) -> "Forgery":
        """Take a bundle apart."""
        with zipfile.ZipFile(bundle) as archive:
            parts = [Part(name, archive.read(name)) for name in archive.namelist()]
        about = json.loads(parts[0].data)
        del about["files"], about["schema_version"]
        return cls([replace(parts[0], method=form.STORED), *parts[1:]], about=about)

    def at(self, name: str) -> int:
        """Where a part stands."""
        return next(at for at, part in enumerate(self.parts) if part.name == name)

    def change(self, name: str, **fields: object) -> None:
        """Change a part in its place."""
        self.parts[self.at(name)] = replace(self.parts[self.at(name)], **fields)  # type: ignore[arg-type]

    def believe(self) -> None:
        """Write the manifest anew, so that it names what there is."""
        entries = {part.name: part.entry for part in self.parts if part.name != MANIFEST}
        self.change(MANIFEST, data=form.manifest(entries, self.about))

    def write(self, path: Path) -> None:
        """Put it together, sealed anew unless it has a seal of its own."""
        body, table = bytearray(self.prefix), bytearray()
        for part in self.parts:
            offset = len(body) - len(self.prefix) + self.shift
            body += part.local(part.member.local) + part.stream + part.gap
            if part.listed:
                line = bytearray(part.member.central(offset))
                line[MODE_AT : MODE_AT + 4] = struct.pack("<L", part.mode)
                table += part.central(bytes(line))
        count = sum(part.listed for part in self.parts)
        start = len(body) - len(self.prefix) + self.shift
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(table), start, form.SEAL_DIGITS)
        whole = bytes(body + table) + end
        seal = self.seal or hashlib.sha256(whole).hexdigest().encode()
        path.write_bytes(whole + seal + self.suffix)
