"""A crypto unit as a process, and a client of its admin socket."""

import base64
import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import tenacity

from hsm_emulator import bearer
from hsm_emulator.instance import UnitType
from hsm_emulator.unit.command import signed_bytes
from hsm_emulator.unit.keypart import wrap_part
from hsm_emulator.wire.unixhttp import Json, Reply, Unreachable, request
from tests.hsm_emulator.unit.admin import Admin, b64
from tests.hsm_emulator.unit.parent import START_SECONDS, Zygote

SECRET = "secret of the tests, long enough for an HMAC with SHA-256"


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

    def cycle(self, change: Callable[[], object] = lambda: None) -> None:
        """Power-cycle the unit, after a change of its files, and wait until it is on again."""
        done = self.query()["cycle"] + 1
        change()
        os.kill(self.pid, signal.SIGHUP)
        self.cycled(done)

    @tenacity.retry(
        retry=tenacity.retry_if_exception_type(AssertionError),
        wait=tenacity.wait_fixed(0.002),
        stop=tenacity.stop_after_delay(START_SECONDS),
        reraise=True,
    )
    def cycled(self, count: int) -> None:
        """Poll until the unit has been through so many power cycles; before, its files may be others'."""
        assert self.query().get("cycle") == count

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
