"""The PKCS#11 module behind a crypto unit: SoftHSM, or the one that module.json in its folder describes.

module.json names a library, the environment and the files that it needs, and how a unit gets its token:
commands that make one, or a folder to copy. Its texts may hold {tokens}, the unit's own folder for token
files, {config}, that of the files, {label} and {number}, in commands also {pin_file}. The PIN is read from a
file or an environment variable, or drawn when the token is made; it never stands in module.json, nor on a
command line.

What it asks of a module beyond the mechanisms: objects that a kill leaves whole or not there at all, and a
token that lives in files below {tokens}, since a unit is put back by putting back its files.
"""

import json
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self

from hsm_emulator.unit import tool
from hsm_emulator.unit.registers import MasterKey
from hsm_emulator.unit.softhsm import SoftHsm
from hsm_emulator.unit.state import Folder, Identity
from hsm_emulator.unit.token import Token, TokenError


class Module(Protocol):
    """What a unit needs of a module."""

    @property
    def library(self) -> Path:
        """The library, for the PKCS#11 door."""

    def make(self, folder: Folder, identity: Identity) -> None:
        """Make the unit's token, and write its PIN.

        Raises:
            OSError, TokenError: there is none, and why.
        """

    def open(
        self, folder: Folder, identity: Identity, keys: Iterable[MasterKey], *, exportable: bool
    ) -> Token:
        """Open the token, without the objects of interrupted commands; ``keys`` are those of the registers.

        Raises:
            KeyLostError: one of ``keys`` is gone.
            TokenError, OSError: the token does not open.
        """


@dataclass(frozen=True)
class Described:
    """A module as module.json describes it; see ``Module``."""

    library: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    label: str = "unit{number}"
    make_token: Sequence[Sequence[str]] = ()
    copy_from: str = ""
    pin_file: str = ""
    pin_variable: str = ""

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read module.json; raises OSError, TypeError or ValueError."""
        value = json.loads(file.read_text())
        return cls(**{**value, "library": Path(value["library"])})

    def make(self, folder: Folder, identity: Identity) -> None:
        """See Module."""
        texts = self._texts(folder, identity)
        pin = self._pin(texts)
        folder.pin.write_text(pin)
        self.configure(folder, identity)
        if self.copy_from:
            shutil.copytree(self.copy_from.format(**texts), folder.tokens, dirs_exist_ok=True)
        for command in self.make_token:
            words = [word.format(**texts, pin_file=folder.pin.absolute()) for word in command]
            tool.run(words, [pin])
        self.open(folder, identity, (), exportable=False).close()

    def open(
        self, folder: Folder, identity: Identity, keys: Iterable[MasterKey], *, exportable: bool
    ) -> Token:
        """See Module."""
        self.configure(folder, identity)
        pin = folder.pin.read_text()
        token = Token(self.library, self._label(identity), pin, exportable=exportable)
        token.sweep(keys)
        return token

    def configure(self, folder: Folder, identity: Identity) -> None:
        """Write the files and set the environment that the library reads when it is loaded."""
        texts = self._texts(folder, identity)
        for name, text in self.files.items():
            folder.config.mkdir(exist_ok=True)
            (folder.config / name).write_text(text.format(**texts))
        for name, text in self.environment.items():
            os.environ[name] = text.format(**texts)

    def _label(self, identity: Identity) -> str:
        return self.label.format(number=identity.number)

    def _texts(self, folder: Folder, identity: Identity) -> dict[str, object]:
        places = {"tokens": folder.tokens.absolute(), "config": folder.config.absolute()}
        return {**places, "label": self._label(identity), "number": identity.number}

    def _pin(self, texts: Mapping[str, object]) -> str:
        if self.pin_file:
            return Path(self.pin_file.format(**texts)).read_text(encoding="utf-8-sig").strip()
        if self.pin_variable:
            if self.pin_variable not in os.environ:
                raise TokenError(f"no PIN: the environment variable {self.pin_variable} is not set")
            return os.environ[self.pin_variable]
        return secrets.token_hex(8)


def module_of(folder: Folder) -> Module:
    """Return the module behind a unit; raises OSError, TypeError or ValueError for a damaged module.json."""
    return Described.read(folder.module) if folder.module.exists() else SoftHsm()
