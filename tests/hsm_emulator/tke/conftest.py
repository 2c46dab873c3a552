"""A whole instance on real processes, which each test that uses ``rig`` gets back as it was made.

It is made and initialised once, through ``tke`` itself. Only processes that were killed, or whose files
changed, are started again.
"""

import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hsm_emulator import durable
from hsm_emulator.instance import Instance, UnitEntry, UnitType, write
from tests.hsm_emulator.tke.rig import PASSWORD, TYPES, Rig
from tests.hsm_emulator.tke.terminal import SECONDS

NAMES = ("kms", *(f"u{number}" for number in range(1, len(TYPES) + 1)))


def _entry(rig: Rig, number: int, unit_type: UnitType) -> UnitEntry:
    location = f"[us-south].[AZ{number}-CS{number}].[01].[{number:02}]"
    folder, secret = rig.root / "units" / str(number), rig.root / "iam.secret"
    arguments = ["--dir", str(folder), "--number", str(number), "--type", unit_type]
    arguments += ["--location", location, "--iam-secret", str(secret)]
    subprocess.run(
        [sys.executable, "-m", "hsm_emulator.unit", "init", *arguments], check=True, timeout=SECONDS
    )
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
        [sys.executable, "-m", "hsm_emulator.kms", "init", "--config", str(folder / "kms.json")],
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
