"""Real parts for the tests of the service: two operational crypto units, a kms process, a client of its REST.

The units live for the whole session and are rotated forward: whoever needs a NEW master key loads random key
parts. Each user of a kms gets a service with a key store of its own.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hsm_emulator.kms.relay import Relay
from tests.hsm_emulator.kms.service import Kms, MakeKms
from tests.hsm_emulator.kms.site import BATCH, Site
from tests.hsm_emulator.kms.units import SECRET, Unit, Units, b64


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
            [sys.executable, "-m", "hsm_emulator.unit", "init", *arguments, *location], check=True, timeout=20
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


@pytest.fixture(scope="module")
def site(units: Units) -> Iterator[Site]:
    """One site for the module; each test rotates it forward."""
    folder = Path(tempfile.mkdtemp(prefix="kms", dir="/dev/shm"))
    relay = Relay(folder / "p11.sock", units.all[0].sockets / "p11.sock")
    kms = Kms(folder, units, relay.path, batch=BATCH)
    kms.start()
    yield Site(kms, units, relay)
    kms.kill()
    relay.close()
    shutil.rmtree(folder)
