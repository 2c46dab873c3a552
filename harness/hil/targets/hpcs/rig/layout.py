"""Where the files and sockets of a rig are.

Socket folders are short on purpose: the path of a Unix socket has at most 107 bytes. ``direct`` sockets are
the processes' own, ``relayed`` ones are the bench's, in front of them.
"""

import json
import os
import re
import shutil
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.rig import names

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - only folders made by mkdtemp are used below it
FREE_BYTES_WANTED = 256 * 2**20
SOCKET_PATH_MAX = 107
SOCKET_PATH_BELOW = 40  # the longest path of a socket, from the folder that holds scratch folders


OWN_SERVER = "postgresql"  # a PostgreSQL server that the rig starts itself
DATABASE_USER = "kms"
DATABASE_PORT = 5432  # a part of the socket's name, nothing more


def is_server(store: str) -> bool:
    """Whether a key store is a database on a server, and not a file."""
    return "://" in store


class NoScratch(Exception):
    """There is no place for the files and sockets of a rig; the text says what to set."""


def scratch_place() -> Path:
    """Return where scratch folders are made; raises NoScratch.

    In memory where there is room: SoftHSM writes a key in 35 file rewrites.
    """
    place = Path(os.environ.get("HIL_TMP", SHARED_MEMORY))
    if place == SHARED_MEMORY and not (
        os.access(place, os.W_OK) and shutil.disk_usage(place).free > FREE_BYTES_WANTED
    ):
        place = Path(tempfile.gettempdir())
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise NoScratch(f"{place} is no folder that you can write to; set HIL_TMP to one")
    if why := names.unfit(place):
        raise NoScratch(f"{why}, set HIL_TMP to it")
    if len(os.fsencode(place.absolute())) > SOCKET_PATH_MAX - SOCKET_PATH_BELOW:
        raise NoScratch(f"{place} is too long for the paths of sockets; set HIL_TMP to a shorter folder")
    return place.absolute()


def scratch(prefix: str) -> Path:
    """Make a new private folder; raises NoScratch."""
    return Path(tempfile.mkdtemp(prefix=prefix, dir=scratch_place()))


@dataclass(frozen=True)
class Layout:
    """Paths of one rig; ``files`` is what a snapshot holds, ``sockets`` are made anew.

    ``server`` says where the key store is: empty for an SQLite file, OWN_SERVER, or the URL of a server.
    ``module`` describes the PKCS#11 module behind the crypto units; None: SoftHSM.
    ``name`` is that of its database on a server; empty: from the folders, where nobody else's are called so.
    """

    files: Path
    sockets: Path
    server: str = ""
    module: Path | None = None
    name: str = ""

    @property
    def instance(self) -> Path:
        """Service directory that ``tke`` reads."""
        return self.files / "instance.json"

    @property
    def secret(self) -> Path:
        """Secret of the bearer tokens."""
        return self.files / "iam.secret"

    @property
    def workstation(self) -> Path:
        """The operator's folder (CLOUDTKEFILES)."""
        return self.files / "workstation"

    @property
    def access_token(self) -> Path:
        """What the operator's last login has brought."""
        return self.workstation / "token"

    @property
    def kms_config(self) -> Path:
        """Configuration of the kms."""
        return self.files / "kms" / "kms.json"

    @property
    def key_store(self) -> str:
        """Where the key store is, past every relay: path of an SQLite file, or URL of a database."""
        return self.store(relayed=False)

    def store(self, *, relayed: bool) -> str:
        """Where the key store is, as the kms is told."""
        if not self.server:
            return str(self.files / "kms" / "keystore.sqlite")
        own = self.server == OWN_SERVER
        given = urlsplit(self.server)
        if not own and not relayed:
            return given._replace(path=f"/{self.database}").geturl()
        name = DATABASE_USER if own else given.username
        user = f"{name}@" if name else ""
        folder = quote(str(self.database_sockets(relayed=relayed)))
        return f"postgresql://{user}/{self.database}?host={folder}&port={DATABASE_PORT}"

    @property
    def database(self) -> str:
        """Name of this rig's own database on a server."""
        folders = f"{self.files.parent.parent.name}_{self.files.parent.name}"
        return re.sub(r"\W", "_", self.name or folders).lower()

    @property
    def cluster(self) -> Path:
        """Folder of a database server of this rig's own, which no snapshot holds."""
        return self.files.parent / "db"

    @property
    def rows(self) -> Path:
        """What a snapshot holds of a key store on a server."""
        return self.kms_config.parent / "rows"

    def database_sockets(self, *, relayed: bool = False) -> Path:
        """Folder of the socket of a database server."""
        return self.sockets / ("D" if relayed else "d")

    @property
    def logs(self) -> Path:
        """Folder of what the processes wrote to their standard error."""
        return self.files / "logs"

    def unit(self, number: int) -> Path:
        """Folder of a crypto unit: state, token, PIN."""
        return self.files / "units" / str(number)

    def token_label(self, number: int) -> str:
        """Label of a crypto unit's token."""
        return sut.token_label(self.unit(number), number)

    def unit_sockets(self, number: int) -> Path:
        """Folder of a crypto unit's own sockets."""
        return self.sockets / f"u{number}"

    def admin(self, number: int, *, relayed: bool = False) -> Path:
        """Admin socket of a crypto unit."""
        return self.sockets / f"a{number}" if relayed else self.unit_sockets(number) / "admin.sock"

    def p11(self, number: int, *, relayed: bool = False) -> Path:
        """PKCS#11 socket of a crypto unit."""
        return self.sockets / f"p{number}" if relayed else self.unit_sockets(number) / "p11.sock"

    def rest(self, *, relayed: bool = False) -> Path:
        """REST socket of the kms."""
        return self.sockets / ("k" if relayed else "kms.sock")

    def ready_socket(self, name: str) -> Path:
        """Socket on which a process tells that it is ready."""
        return self.sockets / f"n{name}"

    def make(self, shape: sut.Shape) -> None:
        """Make the empty folders."""
        for folder in (self.workstation, self.kms_config.parent, self.logs, self.files / "units"):
            folder.mkdir(parents=True, exist_ok=True)
        for number in shape.numbers:
            self.unit_sockets(number).mkdir(parents=True, exist_ok=True)

    def write_directory(
        self, shape: sut.Shape, *, relayed: bool, unit_seconds: float = sut.UNIT_SECONDS
    ) -> None:
        """Write instance.json and kms.json for the sockets of this rig.

        The identity of the instance survives in a snapshot; only socket paths differ from rig to rig.
        ``unit_seconds``: how long the kms waits for a crypto unit.
        """
        identity = self.files / "instance.id"
        if not identity.exists():
            identity.write_text(str(uuid.uuid4()))
        units = [self._unit_entry(number, relayed=relayed) for number in shape.numbers]
        directory = {
            "instance": identity.read_text(),
            "region": sut.REGION,
            "resource_group": "default",
            "account": "hsm-hil",
            "user": "operator",
            "kms_socket": str(self.rest(relayed=relayed)),
            "units": units,
        }
        self.instance.write_text(json.dumps(directory, indent=1))
        config = self._kms_config(shape, relayed=relayed) | {"call_seconds": unit_seconds}
        self.kms_config.write_text(json.dumps(config, indent=1))

    def _unit_entry(self, number: int, *, relayed: bool) -> dict[str, Any]:
        known = json.loads((self.unit(number) / "unit.json").read_text())
        entry = {key: known[key] for key in ("number", "type", "location", "module", "domain")}
        return entry | {"admin_socket": str(self.admin(number, relayed=relayed))}

    def _kms_config(self, shape: sut.Shape, *, relayed: bool) -> dict[str, Any]:
        return {
            "store": self.store(relayed=relayed),
            "socket": str(self.rest()),
            "iam_secret": str(self.secret),
            "apikey": str(self.kms_config.parent / "apikey"),
            "poll_seconds": 0 if relayed else 5.0,
            "batch": shape.batch,
            "policy": "in-place",
            "units": [
                {
                    "number": number,
                    "admin_socket": str(self.admin(number)),
                    "p11_socket": str(self.p11(number, relayed=relayed)),
                    "pin": str(self.unit(number) / "pin"),
                    "token": self.token_label(number),
                }
                for number in shape.operational_numbers
            ],
        }
