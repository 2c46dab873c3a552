"""The processes and files of an instance: three operational and two recovery units, a kms, a workstation."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import tenacity

from hsm_emulator import bearer
from hsm_emulator.instance import UnitType, read
from hsm_emulator.tke import mkpart
from hsm_emulator.tke.workstation import Workstation, identity
from hsm_emulator.wire.unixhttp import Json, Unreachable, request
from tests.hsm_emulator.tke.terminal import SECONDS, Answer, Ended, converse

TYPES = (UnitType.OPERATIONAL,) * 3 + (UnitType.RECOVERY,) * 2
PASSWORD = "correct horse"
ADMIN1 = ("admin1 (", PASSWORD)
ADMIN2 = ("admin2 (", PASSWORD)


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
        return converse(command, answers, self.environment() | environment)

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
            words = ["hsm_emulator.kms", "serve", "--config", str(self.root / "kms" / "kms.json")]
        else:
            unit = self.root / "units" / name[1:]
            words = ["hsm_emulator.unit", "serve", "--dir", str(unit), "--sockets", str(self.sockets / name)]
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
