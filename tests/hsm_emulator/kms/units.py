"""The two operational crypto units of the tests of the service, and what starts and ends a process."""

import base64
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from hsm_emulator import bearer
from hsm_emulator.unit.command import signed_bytes
from hsm_emulator.unit.keypart import wrap_part
from hsm_emulator.wire import unixhttp
from hsm_emulator.wire.client import UnitModule

SECRET = "secret-of-the-instance-under-test-only"
Json = dict[str, Any]
Process = subprocess.Popen[bytes]

poll = retry(
    retry=retry_if_exception_type((OSError, unixhttp.Unreachable)),
    stop=stop_after_delay(20),
    wait=wait_fixed(0.02),
    reraise=True,
)


def b64(data: bytes) -> str:
    """Return base64 text."""
    return base64.b64encode(data).decode()


def spawn(*arguments: str) -> Process:
    """Start a module of the emulator in a process group of its own."""
    return subprocess.Popen([sys.executable, "-m", *arguments], start_new_session=True)


def kill(process: Process) -> None:
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
    process: Process | None = None

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
            "hsm_emulator.unit", "serve", "--dir", str(self.folder), "--sockets", str(self.sockets)
        )
        self.query()
        poll(UnitModule)(self.sockets / "p11.sock").close()

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
