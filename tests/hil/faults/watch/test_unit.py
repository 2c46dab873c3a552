"""A real crypto unit under watch: one signed command is the same list of durable calls each time."""

import base64
import hashlib
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hil.faults.watch.filter import machine
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.rig import layout
from hil.targets.hpcs.rig.process import ready
from hil.targets.hpcs.rig.zygote.client import ForkedProcess
from hsm_emulator import bearer
from hsm_emulator.unit.command import signed_bytes
from hsm_emulator.wire.unixhttp import Json, request

if TYPE_CHECKING:
    from tests.hil.faults.watch.conftest import Watch

SECRET = "secret of the tests, long enough for an HMAC with SHA-256"
HERE = {call.name for call in machine().calls.values()}
SECONDS = 30.0
DRAWN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # names that SoftHSM draws


class Unit:
    """A recovery unit in a short folder, with one administrator, whose key signs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sockets = folder / "s"
        self._key = ec.generate_private_key(ec.SECP521R1())
        secret = folder / "iam.secret"
        secret.write_text(SECRET)
        self.root = folder / "1"
        _end(sut.unit_init(self.root, 1, "RECOVERY", secret), folder / "init.log")

    @property
    def program(self) -> sut.Program:
        """How the unit is run."""
        return sut.unit_serve(self.root, self.sockets)

    def answers(self) -> None:
        """Wait until the unit does."""
        ready.until(lambda: ready.unit_answers(self.sockets), "the unit", SECONDS)

    def command(self, name: str, parameters: Json | None = None, *, signed: bool = True) -> None:
        """Send a command, signed by the administrator, that has to succeed."""
        token, socket = bearer.issue(SECRET, "tests"), self.sockets / "admin.sock"
        shown = request(socket, "GET", "/v1/unit", token=token, seconds=SECONDS).body
        body = {"counter": shown["counter"] + 1, "parameters": parameters or {}}
        content = signed_bytes(name, body["counter"], shown["module"], shown["domain"], body["parameters"])
        signature = base64.b64encode(self._key.sign(content, ec.ECDSA(hashes.SHA512()))).decode()
        ski = hashlib.sha256(self._public).hexdigest()
        body["signatures"] = [{"ski": ski, "signature": signature}] if signed else []
        reply = request(socket, "POST", f"/v1/unit/commands/{name}", body, token=token, seconds=SECONDS)
        assert reply.ok, reply

    @property
    def _public(self) -> bytes:
        return self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def leave_imprint(self) -> None:
        """Install the administrator."""
        public = base64.b64encode(self._public).decode()
        self.command("admin-add", {"name": "admin1", "public_key": public}, signed=False)
        self.command("threshold-set", {"signature": 1, "revocation": 1})


def _end(program: sut.Program, log: Path) -> None:
    with log.open("wb") as output, Path(os.devnull).open("rb") as nothing:
        streams = (nothing.fileno(), output.fileno(), output.fileno())
        assert ForkedProcess(program, os.environ, streams).wait(SECONDS) == 0, log.read_text()


def test_one_command_twice(watch: "Watch") -> None:
    """From the same snapshot, generating a master key is the same list of durable calls, over all threads."""
    folder = layout.scratch("watch")
    try:
        unit, snapshot = Unit(folder), folder / "snapshot"
        watched = watch(unit.root, folder / "log", unit.program, os.environ)
        watched.go()
        unit.answers()
        unit.leave_imprint()
        watched.kill()
        shutil.copytree(unit.root, snapshot)
        lists = []
        for _ in range(2):
            shutil.rmtree(unit.root)
            shutil.copytree(snapshot, unit.root)
            watched = watch(unit.root, folder / "log", unit.program, os.environ)
            watched.go()
            unit.answers()
            watched.calls.clear()
            unit.command("generate")
            watched.supervisor.close()
            lists.append([(name, DRAWN.sub("*", path)) for name, path in watched.names])
            watched.kill()
            assert watched.supervisor.wait(SECONDS)
    finally:
        shutil.rmtree(folder)
    assert lists[0] == lists[1]
    assert lists[0][-5:] == [
        ("openat", "state.json.tmp"),
        ("write", "state.json.tmp"),
        ("fsync", "state.json.tmp"),
        ("rename" if "rename" in HERE else "renameat", "state.json"),
        ("fsync", "."),
    ]
