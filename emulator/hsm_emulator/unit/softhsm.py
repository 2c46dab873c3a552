"""SoftHSM as the module behind a crypto unit: its configuration, and its token as files.

What PKCS#11 leaves open is done on the object files themselves: SoftHSM does not flush them, and loads a torn
one as an object over which every listing stumbles.
"""

import os
import secrets
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from hsm_emulator import durable
from hsm_emulator.unit import tool
from hsm_emulator.unit.registers import MasterKey
from hsm_emulator.unit.state import Folder, Identity
from hsm_emulator.unit.sweep import OBJECT, sweep, token_folder
from hsm_emulator.unit.token import Candidate, Token, TokenError

SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")
_LINE_BYTES = 1023


class SoftHsm:
    """The module of a unit that names no other; see ``factory.Module``."""

    library = SOFTHSM

    def make(self, folder: Folder, identity: Identity) -> None:
        """Initialise with a PIN for one use, because a command line shows it, and change it in the token."""
        _configure(folder)
        first, pin = secrets.token_hex(8), secrets.token_hex(8)
        pins = {"--pin": first, "--so-pin": secrets.token_hex(8)}
        words = ["softhsm2-util", "--init-token", "--free", "--label", identity.token_label]
        tool.run([*words, *(word for option in pins.items() for word in option)], [*pins.values()])
        token = SoftHsmToken(identity.token_label, first, token_folder(folder.tokens), exportable=False)
        token.change_pin(first, pin)
        token.close()
        folder.pin.write_text(pin)

    def open(
        self, folder: Folder, identity: Identity, keys: Iterable[MasterKey], *, exportable: bool
    ) -> Token:
        """Sweep the object files and open the token."""
        objects = token_folder(folder.tokens)
        for name in sweep(objects, keys):
            print(f"{name} is in no register and was deleted", file=sys.stderr, flush=True)
        _configure(folder)
        return SoftHsmToken(identity.token_label, folder.pin.read_text(), objects, exportable=exportable)


class SoftHsmToken(Token):
    """A token whose objects are files in ``folder``."""

    # Object files that were seen to hold what they should, as they were then: no file is ever changed.
    _seen: ClassVar[dict[Path, tuple[int, ...]]] = {}

    def __init__(self, label: str, pin: str, folder: Path, *, exportable: bool) -> None:
        super().__init__(SOFTHSM, label, pin, exportable=exportable)
        self._folder = folder

    def keep(self, candidate: Candidate) -> MasterKey:
        """Make a candidate durable as a token object, flushed to disk, and return its name.

        Raises:
            TokenError, OSError: it could not be stored; nothing of it is left.
        """
        before = self._objects()
        try:
            key = super().keep(candidate)
            name = _only(self._objects() - before)
            _flush(self._folder / f"{name}{OBJECT}")
        except BaseException:
            for name in self._objects() - before:
                (self._folder / f"{name}{OBJECT}").unlink()
            raise
        return replace(key, file=name)

    def check(self, keys: Iterable[MasterKey]) -> None:
        """See Token; a file that is as it was is not asked about again, which is 20 times as fast."""
        for key in keys:
            path = self._folder / f"{key.file}{OBJECT}"
            try:
                found = path.stat()
            except FileNotFoundError:
                raise TokenError(f"the master key {key.pattern[:8]}... of a register is gone") from None
            now = found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
            if self._seen.get(path) != now:
                super().check((key,))
                self._seen[path] = now

    def destroy(self, key: MasterKey) -> None:
        """Destroy a master key."""
        super().destroy(key)
        durable.fsync_folder(self._folder)

    def _objects(self) -> set[str]:
        return {path.stem for path in self._folder.glob(f"*{OBJECT}")}


def _only(made: set[str]) -> str:
    """Return the object that was made; what is in an encrypted file, nobody can tell from outside."""
    if len(made) != 1:
        raise TokenError(f"the token has {len(made)} new objects instead of 1: somebody else writes into it")
    return made.pop()


def _configure(folder: Folder) -> None:
    """Point the library at this folder, wherever it is mounted now.

    The file knows no quotes. What cannot stand in it is named from the unit's folder, which one then is in.
    """
    tokens = str(folder.tokens.absolute())
    if not _can_stand_there(tokens):
        os.chdir(folder.path)
        tokens = folder.tokens.name
    folder.softhsm_conf.write_text(
        f"directories.tokendir = {tokens}\n"
        "objectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n"
    )
    os.environ["SOFTHSM2_CONF"] = str(folder.softhsm_conf.absolute())


def _can_stand_there(path: str) -> bool:
    """Whether SoftHSM reads a path as written: # begins a comment, = ends a value, a line has 1023 bytes."""
    try:
        short = len(path.encode()) < _LINE_BYTES - len("directories.tokendir = ")
    except UnicodeEncodeError:
        return False
    return short and path == path.strip() and not set(path) & set("#=\r\n")


def _flush(path: Path) -> None:
    """Make a new object file durable. SoftHSM neither flushes it nor looks at the result of its write."""
    with path.open("rb") as stream:
        if os.fstat(stream.fileno()).st_size == 0:
            raise TokenError("the token cannot store a key: its object file is empty")
        os.fsync(stream.fileno())
    durable.fsync_folder(path.parent)
