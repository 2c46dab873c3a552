"""A whole instance on real processes: three operational and two recovery units, a kms, a workstation.

It is made and initialised once, through ``tke`` itself; each test that uses ``rig`` gets it back as it was
then. Only processes that were killed, or whose files changed, are started again.
"""

import hashlib
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import tenacity

from emulator import bearer, durable
from emulator.instance import Instance, UnitEntry, UnitType, read, write
from emulator.tke import mkpart
from emulator.tke.workstation import Workstation, identity
from emulator.wire.unixhttp import Json, Unreachable, request

TYPES = (UnitType.OPERATIONAL,) * 3 + (UnitType.RECOVERY,) * 2
NAMES = ("kms", *(f"u{number}" for number in range(1, len(TYPES) + 1)))
PASSWORD = "correct horse"
SECONDS = 30.0
ADMIN1 = ("admin1 (", PASSWORD)
ADMIN2 = ("admin2 (", PASSWORD)

# At a question that contains the first half, the second is typed; a function is called there and then.
Answer = tuple[str, str | Callable[[], str]]


@dataclass(frozen=True)
class Ended:
    """A command that has ended; standard output and standard error as one transcript."""

    code: int
    lines: list[str]

    @property
    def text(self) -> str:
        """The transcript."""
        return "\n".join(self.lines)


@dataclass
class Rig:
    """The processes and files of an instance."""

    root: Path
    sockets: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def workstation(self) -> Path:
        """CLOUDTKEFILES."""
        return self.root / "workstation"

    def environment(self) -> dict[str, str]:
        """What a shell of the operator has set."""
        return {
            "PATH": os.environ["PATH"],
            "TKE_INSTANCE": str(self.root / "instance.json"),
            "CLOUDTKEFILES": str(self.workstation),
            "TKE_DELAY_SECONDS": "0",
            "TKE_CALL_SECONDS": "10",
        }

    def tke(self, command: str, *answers: Answer, **environment: str) -> Ended:
        """Run a command; each answer is typed at the question that has to contain its first half."""
        return _converse(command, answers, self.environment() | environment)

    def done(self, command: str, *answers: Answer) -> Ended:
        """Run a command that has to succeed."""
        ended = self.tke(command, *answers)
        assert ended.code == 0, ended.text
        return ended

    def select(self, *numbers: int) -> None:
        """Select these units and no others."""
        instance = read(self.root / "instance.json")
        chosen = [identity(unit) for unit in instance.units if unit.number in numbers]
        Workstation(self.workstation).select(instance, chosen)

    def select_all(self) -> None:
        """Select every unit."""
        self.select(*range(1, len(TYPES) + 1))

    def load(self) -> None:
        """Load the new registers of the selected units from two fresh random key parts."""
        made = [mkpart.create(Workstation(self.workstation), os.urandom(32), "x", PASSWORD) for _ in "ab"]
        numbers = [str(part.number) for part in made]
        passwords = [(f"key file {number}", PASSWORD) for number in numbers]
        self.done("cryptounit-mk-load", ("2 or 3", " ".join(numbers)), ADMIN1, *passwords)

    def commit(self) -> None:
        """Commit the new registers of the selected units."""
        self.done("cryptounit-mk-commit", ADMIN1, ADMIN2)

    def start(self, name: str) -> None:
        """Start ``kms`` or ``u<N>`` as a process group of its own."""
        if name == "kms":
            words = ["emulator.kms", "serve", "--config", str(self.root / "kms" / "kms.json")]
        else:
            unit = self.root / "units" / name[1:]
            words = ["emulator.unit", "serve", "--dir", str(unit), "--sockets", str(self.sockets / name)]
        self.processes[name] = subprocess.Popen([sys.executable, "-m", *words], start_new_session=True)

    def kill(self, name: str) -> None:
        """Kill the process group of ``kms`` or ``u<N>``."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=SECONDS)

    def start_all(self, names: Sequence[str]) -> None:
        """Start processes and wait until each answers."""
        for name in names:
            self.start(name)
        for name in names:
            self.wait_for(name)

    def kill_all(self) -> None:
        """Kill every process that runs."""
        for name in list(self.processes):
            self.kill(name)

    @tenacity.retry(
        stop=tenacity.stop_after_delay(SECONDS),
        wait=tenacity.wait_fixed(0.02),
        retry=tenacity.retry_if_exception_type((Unreachable, FileNotFoundError)),
        reraise=True,
    )
    def wait_for(self, name: str) -> None:
        """Return when a process answers."""
        if name == "kms":
            self.kms("GET", "/api/v2/instance")
        else:
            self.unit(int(name[1:]))
            (self.sockets / name / "p11.sock").stat()

    def token(self, seconds: int = 3600) -> str:
        """A bearer token; negative seconds: expired."""
        return bearer.issue((self.root / "iam.secret").read_text(), "test", seconds)

    def unit(self, number: int) -> Json:
        """What a unit says about itself."""
        return request(self.sockets / f"u{number}" / "admin.sock", "GET", "/v1/unit", token=self.token()).body

    def registers(self) -> list[tuple[str, str, str]]:
        """Per unit: first digits of the current pattern, state of NEW, first digits of the new pattern."""
        both = [self.unit(number)["registers"] for number in range(1, len(TYPES) + 1)]
        return [(b["current"]["pattern"][:8], b["new"]["state"], b["new"]["pattern"][:8]) for b in both]

    def kms(self, method: str, target: str, body: Json | None = None) -> Json:
        """One request to the kms, which has to succeed."""
        reply = request(self.sockets / "kms.sock", method, target, body, token=self.token())
        assert reply.ok, reply
        return reply.body

    def rows(self) -> dict[str, int]:
        """Rows of the key store by master key."""
        rows: dict[str, int] = self.kms("GET", "/api/v2/rotation")["rows"]
        return rows

    def digest(self) -> dict[str, str]:
        """Digest of every file: service directory, workstation, key store, registers and tokens."""
        return {
            str(path.relative_to(self.root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }


def _converse(command: str, answers: Sequence[Answer], environment: dict[str, str]) -> Ended:
    with subprocess.Popen(
        [sys.executable, "-m", "emulator.tke", *command.split()],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        try:
            text = _talk(process, list(answers))
            return Ended(process.wait(timeout=SECONDS), text.splitlines())
        finally:
            process.kill()


def _talk(process: subprocess.Popen[bytes], answers: list[Answer]) -> str:
    """Answer each question until the output ends; after the last answer the input ends."""
    assert process.stdin is not None
    assert process.stdout is not None
    text, asked_from = "", 0
    deadline = time.monotonic() + SECONDS
    while chunk := _read(process.stdout.fileno(), deadline, text):
        text += chunk
        if not text.endswith("\n> "):
            continue
        if not answers:
            process.stdin.close()
            continue
        expected, answer = answers.pop(0)
        assert expected in text[asked_from:], text
        asked_from = len(text)
        process.stdin.write((answer if isinstance(answer, str) else answer()).encode() + b"\n")
        process.stdin.flush()
    assert not answers, f"never asked: {answers}\n{text}"
    return text


def _read(descriptor: int, deadline: float, seen: str) -> str:
    ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
    assert ready, f"no more output in time after:\n{seen}"
    return os.read(descriptor, 65536).decode()


def _entry(rig: Rig, number: int, unit_type: UnitType) -> UnitEntry:
    location = f"[us-south].[AZ{number}-CS{number}].[01].[{number:02}]"
    folder, secret = rig.root / "units" / str(number), rig.root / "iam.secret"
    arguments = ["--dir", str(folder), "--number", str(number), "--type", unit_type]
    arguments += ["--location", location, "--iam-secret", str(secret)]
    subprocess.run([sys.executable, "-m", "emulator.unit", "init", *arguments], check=True, timeout=SECONDS)
    socket_path = rig.sockets / f"u{number}" / "admin.sock"
    rig.start(f"u{number}")
    rig.wait_for(f"u{number}")
    unit = rig.unit(number)
    return UnitEntry(number, unit_type, location, unit["module"], unit["domain"], str(socket_path))


def _write_kms(rig: Rig) -> None:
    folder = rig.root / "kms"
    folder.mkdir()
    (folder / "apikey").write_text("the-api-key")
    units = [
        {
            "number": number,
            "admin_socket": str(rig.sockets / f"u{number}" / "admin.sock"),
            "p11_socket": str(rig.sockets / f"u{number}" / "p11.sock"),
            "pin": str(rig.root / "units" / str(number) / "pin"),
            "token": f"unit{number}",
        }
        for number, unit_type in enumerate(TYPES, start=1)
        if unit_type is UnitType.OPERATIONAL
    ]
    config = {
        "store": str(folder / "keystore.sqlite"),
        "socket": str(rig.sockets / "kms.sock"),
        "iam_secret": str(rig.root / "iam.secret"),
        "apikey": str(folder / "apikey"),
        "poll_seconds": 0.0,
        "units": units,
    }
    durable.replace_json(folder / "kms.json", config)
    subprocess.run(
        [sys.executable, "-m", "emulator.kms", "init", "--config", str(folder / "kms.json")],
        check=True,
        timeout=SECONDS,
    )


def _make(rig: Rig) -> None:
    """Factory state: units, empty key store, workstation with nothing but the API key."""
    (rig.root / "iam.secret").write_text(secrets.token_hex(32))
    (rig.root / "units").mkdir()
    rig.workstation.mkdir()
    (rig.workstation / "apikey").write_text("the-api-key")
    entries = [_entry(rig, number, unit_type) for number, unit_type in enumerate(TYPES, start=1)]
    identity = ("4dd3b774-ddce-4b20-bb12-fd01d84fb92f", "us-south", "default", "Bench (42)", "qa@example.com")
    write(rig.root / "instance.json", Instance(*identity, str(rig.sockets / "kms.sock"), tuple(entries)))
    _write_kms(rig)
    rig.start("kms")
    rig.wait_for("kms")


def _initialise(rig: Rig) -> None:
    """What an operator does first: log in, two signature keys, auto-init; then some keys in the key store."""
    assert rig.tke("login").code == 0
    for name in ("admin1", "admin2"):
        created = rig.tke("sigkey-add", ("name", name), ("a password", PASSWORD), ("Re-enter", PASSWORD))
        assert created.code == 0, created.text
    ended = rig.tke(
        "auto-init",
        ("signature threshold value", "2"),
        ("revocation", "1"),
        ("number of administrators", "2"),
        ("KEYNUM values", "1 2"),
        ("KEYNUM 1", PASSWORD),
        ("KEYNUM 2", PASSWORD),
    )
    assert ended.code == 0, ended.text
    for number in range(6):
        rig.kms("POST", "/api/v2/keys", {"name": f"key-{number}", "type": "root_key"})


@dataclass(frozen=True)
class Snapshot:
    """The initialised instance, a copy of its files, and what they were."""

    rig: Rig
    copy: Path
    digest: dict[str, str]

    def restore(self) -> None:
        """Bring files and processes back to what they were."""
        now = self.rig.digest()
        changed = [path for path in now.keys() | self.digest.keys() if now.get(path) != self.digest.get(path)]
        touched = {_owner(path) for path in changed} & set(NAMES)
        stale = touched | (set(NAMES) - self.rig.processes.keys())
        if stale:
            stale.add("kms")  # it holds connections to the units
        for name in stale & self.rig.processes.keys():
            self.rig.kill(name)
        for path in changed:
            self._restore_file(path)
        self.rig.start_all(sorted(stale))

    def _restore_file(self, path: str) -> None:
        if path not in self.digest:
            (self.rig.root / path).unlink()
            return
        (self.rig.root / path).parent.mkdir(exist_ok=True)
        shutil.copy2(self.copy / path, self.rig.root / path)


def _owner(path: str) -> str:
    """Name of the process that a file belongs to; the name of its folder where it belongs to none."""
    folder, _, rest = path.partition("/")
    return f"u{rest.partition('/')[0]}" if folder == "units" else folder


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    """An initialised instance that can be brought back."""
    sockets = Path(tempfile.mkdtemp(prefix="tke-", dir="/tmp"))
    rig = Rig(tmp_path_factory.mktemp("tke") / "instance", sockets)
    rig.root.mkdir()
    try:
        _make(rig)
        _initialise(rig)
        rig.kill_all()
        copy = rig.root.with_name("snapshot")
        shutil.copytree(rig.root, copy)
        yield Snapshot(rig, copy, rig.digest())
    finally:
        rig.kill_all()
        shutil.rmtree(sockets)


@pytest.fixture
def rig(snapshot: Snapshot) -> Rig:
    """The initialised instance, running."""
    snapshot.restore()
    return snapshot.rig
