"""Crypto units as processes, and the administrators who sign for them."""

import base64
import hashlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
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


class Zygote:
    """The warm parent of the units; see zygote.py."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("zygote.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def _ask(self, order: Json) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], START_SECONDS)
        assert ready, "the parent of the units does not answer"
        return int(self._process.stdout.readline())

    def start(self, argv: list[str], log: Path) -> int:
        """Start a unit and return its pid."""
        return self._ask({"argv": argv, "log": str(log)})

    def wait(self, pid: int) -> int:
        """Wait for the end of a unit; return its exit code, negative for a signal."""
        return self._ask({"wait": pid})

    def close(self) -> None:
        """End the parent."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=START_SECONDS)
        self._process.stdout.close()


@dataclass
class Unit:
    """A crypto unit in ``root``; ``pid`` is 0 while it does not run."""

    zygote: Zygote
    root: Path
    sockets: Path
    pid: int = 0

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
        argv = ["serve", "--dir", str(self.root), "--sockets", str(self.sockets)]
        self.pid = self.zygote.start(argv, self.log)
        try:
            self.ready()
        except Unreachable as error:
            pytest.fail(f"the unit does not start: {error}; its log: {self.log.read_text()}")

    @tenacity.retry(
        retry=tenacity.retry_if_exception_type(Unreachable),
        wait=tenacity.wait_fixed(0.005),
        stop=tenacity.stop_after_delay(START_SECONDS),
        reraise=True,
    )
    def ready(self) -> None:
        """Poll until the unit answers."""
        self.query()

    def cycle(self) -> None:
        """Power-cycle the unit and wait until it is on again."""
        done = self.query()["cycle"] + 1
        os.kill(self.pid, signal.SIGHUP)
        self.cycled(done)

    @tenacity.retry(
        retry=tenacity.retry_if_exception_type(AssertionError),
        wait=tenacity.wait_fixed(0.002),
        stop=tenacity.stop_after_delay(START_SECONDS),
        reraise=True,
    )
    def cycled(self, count: int) -> None:
        """Poll until the unit has been through so many power cycles."""
        assert self.query()["cycle"] == count

    def stop(self) -> int:
        """End the process in order; return its exit code."""
        os.kill(self.pid, signal.SIGTERM)
        return self.ended()

    def kill(self) -> None:
        """Kill the unit as a whole, if it runs."""
        if self.pid:
            os.killpg(self.pid, signal.SIGKILL)
            self.ended()

    def ended(self) -> int:
        """Wait for the end of the process; return its exit code."""
        pid, self.pid = self.pid, 0
        return self.zygote.wait(pid)

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


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """The warm parent of all units."""
    parent = Zygote()
    yield parent
    parent.close()


def make_unit(
    zygote: Zygote, folder: Path, unit_type: UnitType, number: int, module: Path | None = None
) -> Unit:
    """Make a unit in its factory state, on SoftHSM or the module of a module.json."""
    secret = folder / "iam.secret"
    secret.write_text(SECRET)
    unit = Unit(zygote, folder / str(number), folder / f"s{number}")
    arguments = ["--dir", str(unit.root), "--number", str(number), "--type", unit_type]
    location = ["--location", f"[us-south].[AZ1-CS1].[01].[0{number}]", "--iam-secret", str(secret)]
    behind = ["--module", str(module)] if module else []
    assert zygote.wait(zygote.start(["init", *arguments, *location, *behind], unit.log)) == 0, (
        unit.log.read_text()
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
def new_unit(zygote: Zygote, memory: Path) -> Iterator[Callable[..., Unit]]:
    """Make and start units of a type, each in factory state."""
    units: list[Unit] = []

    def make(
        unit_type: UnitType = UnitType.OPERATIONAL, *, start: bool = True, module: Path | None = None
    ) -> Unit:
        unit = make_unit(zygote, memory, unit_type, len(units) + 1, module)
        units.append(unit)
        if start:
            unit.start()
        return unit

    yield make
    for unit in units:
        unit.kill()


@pytest.fixture(scope="session")
def place() -> Callable[[], AbstractContextManager[Path]]:
    """How a module makes its short folder in memory."""
    return in_memory


@pytest.fixture(scope="session")
def maker() -> Callable[[Zygote, Path, UnitType, int], Unit]:
    """How a module makes its unit."""
    return make_unit


@pytest.fixture(scope="session")
def admins() -> list[Admin]:
    """Nine administrators, one more than a unit takes."""
    return [Admin(f"admin{number}") for number in range(1, 10)]


@pytest.fixture(scope="module")
def signed_unit(zygote: Zygote, admins: list[Admin]) -> Iterator[Unit]:
    """A recovery unit with three administrators, two of whom sign, and three who revoke."""
    with in_memory() as folder:
        unit = make_unit(zygote, folder, UnitType.RECOVERY, 1)
        unit.start()
        unit.leave_imprint(admins[:3], signature=2, revocation=3)
        yield unit
        unit.kill()
