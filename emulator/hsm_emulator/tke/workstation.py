"""The operator's folder (``CLOUDTKEFILES``): selection, access token, signature keys and master key parts.

Which crypto units a command works on is state of this folder and of no unit. Files are replaced atomically,
by one command at a time.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hsm_emulator import durable
from hsm_emulator.instance import Instance, UnitEntry
from hsm_emulator.tke.errors import Failed

Identity = tuple[str, int]


def identity(unit: UnitEntry) -> Identity:
    """Module and domain: what a unit stays when the numbering of the directory changes."""
    return unit.module, unit.domain


@dataclass(frozen=True)
class _Domain:
    """One entry of the DOMAINS file."""

    crypto_instance_id: str
    hsm_id: str
    domain_num: int
    location: str
    type: str
    selected: bool


class Workstation:
    """The files of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def apikey(self) -> str:
        """The API key that ``login`` presents; raises Failed where there is none."""
        return self._secret("apikey", "Put the API key of the service instance there, then run 'tke login'.")

    def token(self) -> str:
        """The access token of the last ``login``; raises Failed where there is none."""
        return self._secret("token", "Log in with 'tke login'.")

    def keep_token(self, token: str) -> None:
        """Replace the access token."""
        with self._changing():
            durable.replace_bytes(self.folder / "token", token.encode() + b"\n")

    def selected(self) -> frozenset[Identity]:
        """The units that commands work on."""
        entries = self.read_json("DOMAINS", default=[])
        try:
            domains = [_Domain(**entry) for entry in entries]
        except TypeError as error:
            raise self._damaged("DOMAINS") from error
        return frozenset((domain.hsm_id, domain.domain_num) for domain in domains if domain.selected)

    def select(self, instance: Instance, chosen: Iterable[Identity]) -> None:
        """Replace the selection; all units of the instance are listed, ``chosen`` ones are marked."""
        marked = frozenset(chosen)
        domains = [
            _Domain(instance.instance, u.module, u.domain, u.location, u.type.value, identity(u) in marked)
            for u in instance.units
        ]
        self._write("DOMAINS", [asdict(domain) for domain in domains])

    def current_signature_keys(self) -> tuple[int, ...]:
        """The KEYNUM values of the current signature keys, in the order in which they were chosen."""
        try:
            return tuple(int(number) for number in self.read_json("CURRENTSIGKEYS", default=[]))
        except (TypeError, ValueError) as error:
            raise self._damaged("CURRENTSIGKEYS") from error

    def make_current(self, numbers: Iterable[int]) -> None:
        """Replace the list of current signature keys."""
        self._write("CURRENTSIGKEYS", list(numbers))

    def numbered(self, suffix: str) -> list[int]:
        """The numbers N of the files ``N.suffix``, ascending."""
        stems = (path.stem for path in self.folder.glob(f"*.{suffix}"))
        return sorted(int(stem) for stem in stems if stem.isdigit())

    def add(self, suffix: str, value: object) -> int:
        """Write a new file ``N.suffix`` and return N: one more than the highest that is there."""
        with self._changing():
            number = max(self.numbered(suffix), default=0) + 1
            durable.replace_json(self.folder / f"{number}.{suffix}", value)
        return number

    def read_json(self, name: str, default: Any = None) -> Any:  # noqa: ANN401  a JSON document has any shape
        """The content of a file of the folder; ``default`` where it is absent, Failed where it is damaged."""
        try:
            return json.loads((self.folder / name).read_text())
        except FileNotFoundError:
            if default is None:
                raise
            return default
        except ValueError as error:
            raise self._damaged(name) from error

    def remove(self, name: str) -> None:
        """Remove a file of the folder, durably."""
        with self._changing():
            (self.folder / name).unlink()
            durable.fsync_folder(self.folder)

    def _write(self, name: str, value: object) -> None:
        """Replace a file of the folder atomically, readable by its owner only."""
        with self._changing():
            durable.replace_json(self.folder / name, value)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Let no other command change a file meanwhile; raises Failed where one does."""
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._lock(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            changing = f"Another command is changing the files of {self.folder}."
            raise Failed(changing, "Run this one again.") from error

    def _damaged(self, name: str) -> Failed:
        return Failed(f"The workstation file {self.folder / name} is damaged; restore it or remove it.")

    def _secret(self, name: str, advice: str) -> str:
        try:
            return (self.folder / name).read_text().strip()
        except FileNotFoundError as error:
            raise Failed(f"There is no file {self.folder / name}.", advice) from error
