"""Real parts for the tests of the service: two operational crypto units, a kms process, a client of its REST.

The units live for the whole session and are rotated forward: whoever needs a NEW master key loads random key
parts. Each user of a kms gets a service with a key store of its own.
"""

import base64
import json
import os
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from emulator import bearer
from emulator.kms import model
from emulator.kms.__main__ import main
from emulator.unit.command import signed_bytes
from emulator.unit.keypart import wrap_part
from emulator.wire import unixhttp
from emulator.wire.client import Module

SECRET = "secret-of-the-instance-under-test-only"
APIKEY = "api-key-of-the-instance-under-test"
Json = dict[str, Any]

poll = retry(
    retry=retry_if_exception_type((OSError, unixhttp.Unreachable)),
    stop=stop_after_delay(20),
    wait=wait_fixed(0.02),
    reraise=True,
)


def b64(data: bytes) -> str:
    """Return base64 text."""
    return base64.b64encode(data).decode()


def spawn(*arguments: str) -> subprocess.Popen[bytes]:
    """Start a module of the emulator in a process group of its own."""
    return subprocess.Popen([sys.executable, "-m", *arguments], start_new_session=True)


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL a process group and wait for its leader."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


@dataclass
class Unit:
    """One operational crypto unit and its only administrator."""

    number: int
    folder: Path
    sockets: Path
    administrator: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP521R1())
    )
    process: subprocess.Popen[bytes] | None = None

    @property
    def public_key(self) -> bytes:
        """The administrator's DER SubjectPublicKeyInfo."""
        return self.administrator.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def described(self) -> Json:
        """What kms.json says about the unit."""
        return {
            "number": self.number,
            "admin_socket": str(self.sockets / "admin.sock"),
            "p11_socket": str(self.sockets / "p11.sock"),
            "pin": str(self.folder / "pin"),
            "token": f"unit{self.number}",
        }

    def start(self) -> None:
        """Start the unit and wait until both of its sockets answer."""
        self.process = spawn(
            "emulator.unit", "serve", "--dir", str(self.folder), "--sockets", str(self.sockets)
        )
        self.query()
        poll(Module)(self.sockets / "p11.sock").close()

    def kill(self) -> None:
        """Kill the unit with all of its processes."""
        if self.process:
            kill(self.process)

    @poll
    def query(self) -> Json:
        """Return what the unit tells about itself."""
        return unixhttp.request(
            self.sockets / "admin.sock", "GET", "/v1/unit", token=bearer.issue(SECRET, "test"), seconds=5
        ).body

    def command(self, name: str, parameters: Json | None = None) -> Json:
        """Send a command, signed, and return its result."""
        unit, parameters = self.query(), parameters or {}
        counter = unit["counter"] + 1
        content = signed_bytes(name, counter, unit["module"], unit["domain"], parameters)
        signature = {
            "ski": sha256(self.public_key).hexdigest(),
            "signature": b64(self.administrator.sign(content, ec.ECDSA(SHA512()))),
        }
        signatures = [signature] if unit["administrators"] else []
        reply = unixhttp.request(
            self.sockets / "admin.sock",
            "POST",
            f"/v1/unit/commands/{name}",
            {"counter": counter, "parameters": parameters, "signatures": signatures},
            token=bearer.issue(SECRET, "test"),
            seconds=10,
        )
        assert reply.ok, (name, reply)
        result: Json = reply.body["result"]
        return result

    def load(self, parts: tuple[bytes, bytes]) -> None:
        """Load the NEW register from key parts."""
        importer = self.command("importer")
        wrapped = [wrap_part(base64.b64decode(importer["public_key"]), part) for part in parts]
        shown = [{"public_key": b64(point), "wrapped": b64(blob)} for point, blob in wrapped]
        self.command("load", {"importer_id": importer["importer_id"], "parts": shown})

    def pattern(self, register: str) -> str:
        """Return the verification pattern of a register in hex."""
        return str(self.query()["registers"][register]["pattern"])


@dataclass
class Units:
    """All operational units of the instance."""

    all: list[Unit]

    def __iter__(self) -> Iterator[Unit]:
        return iter(self.all)

    def new_master_key(self) -> str:
        """Load and commit one new random master key in every unit; return its id in hex."""
        parts = secrets.token_bytes(32), secrets.token_bytes(32)
        for unit in self.all:
            unit.command("clrnew")
            unit.load(parts)
            unit.command("commit", {"pattern": unit.pattern("new")})
        return self.all[0].pattern("new")[:32]

    def promote(self, *units: Unit) -> None:
        """Set immediate in the units given, or in all."""
        for unit in units or self.all:
            unit.command("setimm", {"pattern": unit.pattern("new")})

    @property
    def current(self) -> str:
        """The id of the current master key of the first unit."""
        return self.all[0].pattern("current")[:32]


class Kms:
    """A service with a key store of its own, as a process, and a client of its REST."""

    def __init__(
        self, folder: Path, units: Units, p11_socket: Path | None = None, **settings: object
    ) -> None:
        """``p11_socket``: of a relay before the first unit; ``settings``: changes to kms.json."""
        self.folder = folder
        self.socket = folder / "kms.sock"
        self.store = folder / "keystore.sqlite"
        self.config = folder / "kms.json"
        self.process: subprocess.Popen[bytes] | None = None
        self.token: str | None = bearer.issue(SECRET, "test")
        (folder / "iam.secret").write_text(SECRET)
        (folder / "apikey").write_text(APIKEY)
        described = [unit.described for unit in units]
        if p11_socket:
            described[0]["p11_socket"] = str(p11_socket)
        settings = {
            "store": str(self.store),
            "socket": str(self.socket),
            "iam_secret": str(folder / "iam.secret"),
            "apikey": str(folder / "apikey"),
            "poll_seconds": 0,
            "call_seconds": 5,
            "batch": 2,
            "units": described,
            **settings,
        }
        self.config.write_text(json.dumps(settings))
        assert main(["init", "--config", str(self.config)]) == 0

    def start(self) -> None:
        """Start the service and wait until it answers."""
        self.process = spawn("emulator.kms", "serve", "--config", str(self.config))
        poll(self.get)("instance")

    def kill(self) -> None:
        """SIGKILL the service."""
        if self.process:
            kill(self.process)

    def request(self, method: str, path: str, body: Json | None = None) -> unixhttp.Reply:
        """Send a request below /api/v2 and return the reply, whatever its status."""
        return unixhttp.request(self.socket, method, f"/api/v2/{path}", body, token=self.token, seconds=30)

    def get(self, path: str) -> Json:
        """GET something that must be there."""
        reply = self.request("GET", path)
        assert reply.ok, reply
        return reply.body

    def post(self, path: str, body: Json | None = None) -> Json:
        """POST something that must be accepted."""
        reply = self.request("POST", path, body or {})
        assert reply.ok, reply
        return reply.body

    def root_key(self, name: str = "root") -> str:
        """Make a root key and return its id."""
        return str(self.post("keys", {"name": name, "type": "root_key"})["id"])

    def lock(self, key: str) -> tuple[str, str]:
        """Wrap a new data key; return ciphertext and plaintext."""
        reply = self.post(f"keys/{key}/actions/wrap")
        return reply["ciphertext"], reply["plaintext"]

    def unlock(self, key: str, ciphertext: str) -> str:
        """Return the plaintext of a ciphertext."""
        return str(self.post(f"keys/{key}/actions/unwrap", {"ciphertext": ciphertext})["plaintext"])

    def rewrap(self) -> Json:
        """Request a rewrap and return the job after it has ended."""
        self.post("rotation/rewrap")
        job: Json = self.get("rotation/rewrap?wait=30")["job"]
        return job

    def rows(self) -> list[model.Row]:
        """Read all rows from the file, as the bench does."""
        with closing(sqlite3.connect(self.store)) as database:
            database.row_factory = sqlite3.Row
            found = database.execute(
                "SELECT key_id, version, mk_id, blob, staged_mk_id, staged_blob FROM versions ORDER BY made"
            )
            return [model.Row(**row) for row in found]

    def purge(self, key: str) -> None:
        """Delete a key with its rows behind the service's back."""
        with closing(sqlite3.connect(self.store)) as database, database:
            database.execute("DELETE FROM versions WHERE key_id = ?", (key,))
            database.execute("DELETE FROM keys WHERE id = ?", (key,))

    def master_keys(self) -> set[str]:
        """The master-key ids of all rows, in hex."""
        return {row.mk_id.hex() for row in self.rows()}


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """A folder in memory whose path leaves room for socket names."""
    folder = Path(tempfile.mkdtemp(prefix="kms", dir="/dev/shm"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def units(short_folder: Path) -> Iterator[Units]:
    """Two operational crypto units that share a current master key."""
    secret = short_folder / "iam.secret"
    secret.write_text(SECRET)
    made = []
    for number in (1, 2):
        unit = Unit(number, short_folder / f"unit{number}", short_folder / f"u{number}")
        unit.folder.mkdir()
        unit.sockets.mkdir()
        arguments = ["--dir", str(unit.folder), "--number", str(number), "--type", "OPERATIONAL"]
        location = ["--location", f"[us-south].[AZ1-CS{number}].[01].[01]", "--iam-secret", str(secret)]
        subprocess.run(
            [sys.executable, "-m", "emulator.unit", "init", *arguments, *location], check=True, timeout=20
        )
        unit.start()
        made.append(unit)
        unit.command("admin-add", {"name": "admin1", "public_key": b64(unit.public_key)})
        unit.command("threshold-set", {"signature": 1, "revocation": 1})
    units = Units(made)
    units.new_master_key()
    units.promote()
    yield units
    for unit in units:
        unit.kill()


MakeKms = Callable[..., Kms]


@pytest.fixture
def make_kms(units: Units) -> Iterator[MakeKms]:
    """Make services of the test's own; all of them are killed at its end."""
    made: list[Kms] = []

    def make(p11_socket: Path | None = None, **settings: object) -> Kms:
        folder = Path(tempfile.mkdtemp(prefix="kms", dir="/dev/shm"))
        made.append(Kms(folder, units, p11_socket, **settings))
        made[-1].start()
        return made[-1]

    yield make
    for kms in made:
        kms.kill()
        shutil.rmtree(kms.folder)


@pytest.fixture
def kms(make_kms: MakeKms) -> Kms:
    """A service of the test's own with two rows a transaction."""
    return make_kms()


@pytest.fixture(scope="session")
def kms_class() -> type[Kms]:
    """The class of services, for fixtures of a wider scope."""
    return Kms
