"""Crypto units as processes, and the administrators who sign for them."""

import base64
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import tenacity
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from emulator import bearer
from emulator.instance import UnitType
from emulator.unit.command import signed_bytes
from emulator.unit.keypart import wrap_part
from emulator.wire.unixhttp import Json, Reply, Unreachable, request

SECRET = "secret of the tests, long enough for an HMAC with SHA-256"
START_SECONDS = 10.0


def b64(value: bytes) -> str:
    """Return base64 text."""
    return base64.b64encode(value).decode()


@dataclass(frozen=True)
class Admin:
    """An administrator with a signature key."""

    name: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP521R1()))

    @property
    def der(self) -> bytes:
        """DER SubjectPublicKeyInfo."""
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def ski(self) -> str:
        """Subject key identifier."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def entry(self) -> Json:
        """Parameters that install this administrator."""
        return {"name": self.name, "public_key": b64(self.der)}

    def sign(self, content: bytes) -> Json:
        """Return a signature as a command carries it."""
        return {"ski": self.ski, "signature": b64(self.key.sign(content, ec.ECDSA(hashes.SHA512())))}


@dataclass
class Unit:
    """A crypto unit in ``root``; its process is in ``process`` while it runs."""

    root: Path
    sockets: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """Standard output and error of the process."""
        return self.root.with_suffix(".log")

    @property
    def objects(self) -> list[str]:
        """Names of the key object files of the token."""
        return sorted(path.name for path in self.root.glob("tokens/*/*.object") if path.stem != "token")

    def start(self) -> None:
        """Start the process and wait until it answers."""
        command = [sys.executable, "-m", "emulator.unit", "serve"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--dir", str(self.root), "--sockets", str(self.sockets)],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.ready()

    @tenacity.retry(
        retry=tenacity.retry_if_exception_type(Unreachable),
        wait=tenacity.wait_fixed(0.005),
        stop=tenacity.stop_after_delay(START_SECONDS),
        reraise=True,
    )
    def ready(self) -> None:
        """Poll until the unit answers."""
        self.query()

    def stop(self) -> int:
        """End the process in order; return its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=10)

    def kill(self) -> None:
        """Kill the unit as a whole."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=10)

    def call(self, method: str, target: str, body: Json | None = None, token: str | None = None) -> Reply:
        """Send one admin request, with a bearer that holds unless another is given."""
        bearer_token = bearer.issue(SECRET, "tests") if token is None else token
        return request(self.sockets / "admin.sock", method, target, body, token=bearer_token, seconds=10)

    def query(self) -> Json:
        """Return the unit as it shows itself."""
        return self.call("GET", "/v1/unit").body

    def body(
        self,
        command: str,
        parameters: Json | None = None,
        signers: Sequence[Admin] = (),
        counter: int | None = None,
    ) -> Json:
        """Return the body of a command, signed for this unit, with the next counter."""
        shown, parameters = self.query(), parameters or {}
        counter = shown["counter"] + 1 if counter is None else counter
        content = signed_bytes(command, counter, shown["module"], shown["domain"], parameters)
        signatures = [admin.sign(content) for admin in signers]
        return {"counter": counter, "parameters": parameters, "signatures": signatures}

    def post(self, command: str, body: Json) -> Reply:
        """Send the body of a command."""
        return self.call("POST", f"/v1/unit/commands/{command}", body)

    def send(self, command: str, parameters: Json | None = None, signers: Sequence[Admin] = ()) -> Reply:
        """Send one command with the next counter."""
        return self.post(command, self.body(command, parameters, signers))

    def do(self, command: str, parameters: Json | None = None, signers: Sequence[Admin] = ()) -> Json:
        """Send a command that has to succeed; return its result."""
        reply = self.send(command, parameters, signers)
        assert reply.ok, (command, reply)
        result: Json = reply.body["result"]
        return result

    def refusal(
        self, command: str, parameters: Json | None = None, signers: Sequence[Admin] = ()
    ) -> tuple[int, int]:
        """Send a command that has to be refused; return its return and reason codes."""
        reply = self.send(command, parameters, signers)
        assert reply.status == 409, (command, reply)
        return reply.body["error"]["return_code"], reply.body["error"]["reason_code"]

    def leave_imprint(self, admins: Sequence[Admin], signature: int = 1, revocation: int = 1) -> None:
        """Install administrators and set the thresholds."""
        for admin in admins:
            self.do("admin-add", admin.entry)
        thresholds = {"signature": signature, "revocation": revocation}
        self.do("threshold-set", thresholds, admins[:signature])

    def register(self, name: str) -> tuple[str, str]:
        """Return state and verification pattern of a register."""
        register = self.query()["registers"][name]
        return register["state"], register["pattern"]

    def load(self, parts: Sequence[bytes], signers: Sequence[Admin]) -> Reply:
        """Load key parts through a fresh importer key."""
        importer = self.do("importer", signers=signers)
        wrapped = [wrap_part(base64.b64decode(importer["public_key"]), part) for part in parts]
        entries = [{"public_key": b64(point), "wrapped": b64(blob)} for point, blob in wrapped]
        return self.send("load", {"importer_id": importer["importer_id"], "parts": entries}, signers)

    def files(self) -> dict[str, bytes]:
        """Return every file of the unit's folder with its content."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file()
        }


def make_unit(folder: Path, unit_type: UnitType, number: int) -> Unit:
    """Make a unit in its factory state."""
    secret = folder / "iam.secret"
    secret.write_text(SECRET)
    unit = Unit(folder / str(number), folder / f"s{number}")
    arguments = ["--dir", str(unit.root), "--number", str(number), "--type", unit_type]
    location = ["--location", f"[us-south].[AZ1-CS1].[01].[0{number}]", "--iam-secret", str(secret)]
    subprocess.run(
        [sys.executable, "-m", "emulator.unit", "init", *arguments, *location], check=True, timeout=30
    )
    return unit


@contextmanager
def in_memory() -> Iterator[Path]:
    """Make a short folder in memory, for units and their sockets, and remove it."""
    place = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="unit", dir=place) as folder:
        yield Path(folder)


@pytest.fixture
def memory() -> Iterator[Path]:
    """A short folder in memory."""
    with in_memory() as folder:
        yield folder


@pytest.fixture
def new_unit(memory: Path) -> Iterator[Callable[..., Unit]]:
    """Make and start units of a type, each in factory state."""
    units: list[Unit] = []

    def make(unit_type: UnitType = UnitType.OPERATIONAL, *, start: bool = True) -> Unit:
        unit = make_unit(memory, unit_type, len(units) + 1)
        units.append(unit)
        if start:
            unit.start()
        return unit

    yield make
    for unit in units:
        unit.kill()


@pytest.fixture(scope="session")
def admins() -> list[Admin]:
    """Nine administrators, one more than a unit takes."""
    return [Admin(f"admin{number}") for number in range(1, 10)]


@pytest.fixture(scope="module")
def signed_unit(admins: list[Admin]) -> Iterator[Unit]:
    """A recovery unit with three administrators, two of whom sign, and three who revoke."""
    with in_memory() as folder:
        unit = make_unit(folder, UnitType.RECOVERY, 1)
        unit.start()
        unit.leave_imprint(admins[:3], signature=2, revocation=3)
        yield unit
        unit.kill()
