"""A module and a database of somebody else's, through every command that makes instances."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.rig.process import owner, ready
from hil.targets.hpcs.tools.byhand.record import Record
from hil.targets.hpcs.tools.drill.points import POINTS
from tests.hil.targets.hpcs.rig.keystore.straight import straight

if TYPE_CHECKING:
    from hil.targets.hpcs.rig.keystore.database import KeyStoreDatabase
    from tests.e2e.conftest import Place

pytestmark = [pytest.mark.postgresql, pytest.mark.slow]
SIZE = ("--operational", "1", "--recovery", "1", "--keys", "8")
LIBRARY = Path("/usr/lib/x86_64-linux-gnu/libsoftokn3.so")
SECONDS = 100.0
IN_THE_REWRAP = str([point.crash for point in POINTS].index("kms@C_WrapKey.6-after"))


@pytest.fixture
def place(place: "Place") -> "Place":
    """A place that a server may enter, which does not run as root."""
    place.scratch.chmod(0o711)
    return place


@pytest.fixture
def nss(request: pytest.FixtureRequest) -> Path:
    """The example profile for NSS softokn."""
    if shutil.which("certutil") is None or not LIBRARY.exists():
        pytest.skip("NSS is not installed; run 'make nss'")
    return request.config.rootpath / "examples" / "hil-nss.toml"


@pytest.fixture
def there(own_database: "KeyStoreDatabase") -> str:
    """URL of a server that is there."""
    with straight(own_database) as database:
        return f"postgresql://{database.info.user}@/?host={database.info.host}"


def _names(database: "KeyStoreDatabase") -> set[str]:
    with straight(database) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall()}


@pytest.fixture
def hand(place: "Place") -> Iterator[Path]:
    """The folder of an instance by hand, which is ended whatever the test does."""
    place.runs.chmod(0o711)
    folder = Path(f"{place.scratch}-hand")
    yield folder
    for command in (("drill", "--end"), ("down",)):
        place.hil(*command, "--dir", str(folder))
    place.nothing_left()
    assert not folder.exists()


def _tke(record: Record, command: str, *answers: str) -> "subprocess.CompletedProcess[str]":
    """Type a command and its answers, as a person does."""
    layout = record.layout
    environment = sut.tke_environment(layout.instance, layout.workstation, sut.TkeTimes())
    return subprocess.run(
        sut.tke([command]).argv,
        env={**os.environ, **environment},
        input="".join(f"{answer}\n" for answer in answers),
        capture_output=True,
        text=True,
        timeout=100,
    )


@pytest.mark.long
def test_an_instance_by_hand(place: "Place", nss: Path, hand: Path) -> None:
    """On both it lives as on SoftHSM and a file: it rotates, what dies is started again, nothing stays."""
    where = ("--dir", str(hand))
    up = place.hil("up", *where, *SIZE, "--module-profile", str(nss), "--keystore", "postgresql")
    assert up.returncode == 0, up
    assert "crypto units as processes with NSS softokn, key store in PostgreSQL; 8 keys" in up.stdout
    record = Record.read(hand)
    assert "libsoftokn3.so" in (record.layout.unit(1) / "module.json").read_text()
    assert _tke(record, "login").returncode == 0
    rotated = _tke(record, "auto-mk-rotate", "y", sut.PASSWORD, sut.PASSWORD)
    assert rotated.stdout.endswith("Master key rotation successful.\n"), rotated

    server = owner.parse(record.owners["db"])
    os.kill(server.pid, signal.SIGKILL)
    ready.until(lambda: not server.may_live(), "the end of the database server", 30)
    dead = place.hil("status", *where)
    assert (dead.returncode, dead.stdout.splitlines()[0]) == (1, "db      DEAD; hil up starts it again"), dead
    assert re.search(r"^1 +OPERATIONAL  [0-9a-f]{8}\.\.\. ", dead.stdout, re.MULTILINE)
    again = place.hil("up", *where)
    assert (again.returncode, again.stdout) == (0, up.stdout), again
    assert place.hil("down", "--keep", *where).returncode == 0
    assert place.hil("up", *where).returncode == 0
    status = place.hil("status", *where)
    assert status.stdout.endswith("keys readable with CURRENT on every operational crypto unit: 8 of 8\n")

    other = place.hil("up", *where, "--keystore", "sqlite")
    assert (other.returncode, other.stderr.count("\n")) == (64, 1)
    assert "holds an instance, which stays as it was made" in other.stderr


def test_a_drill(place: "Place", nss: Path, hand: Path, there: str, own_database: "KeyStoreDatabase") -> None:
    """A drill on a server that is there has a database of its own, and the right recovery saves every key."""
    before = _names(own_database)
    where = ("--dir", str(hand))
    words = ("--delay", "0", "--seed", IN_THE_REWRAP, "--module-profile", str(nss), "--keystore", there)
    begun = place.hil("drill", *where, *SIZE, *words)
    assert begun.returncode == 0, begun
    record = Record.read(hand)
    assert _names(own_database) - before == {record.layout.database}
    open_still = place.hil("drill", "--check", *where)
    assert (open_still.returncode, "keys: 8 of 8 safe" in open_still.stdout) == (1, True), open_still
    rotated = _tke(record, "cryptounit-mk-rotate", "y", sut.PASSWORD, sut.PASSWORD)
    assert rotated.stdout.endswith("Master key rotation successful.\n"), rotated
    after = place.hil("drill", "--check", *where)
    assert after.returncode == 0, after.stdout
    assert after.stdout.endswith("SURVIVED: every key is readable and the rotation is complete\n")
    assert place.hil("drill", "--end", *where).returncode == 0
    assert _names(own_database) == before


@pytest.mark.long
def test_a_server_that_has_gone(
    place: "Place", hand: Path, there: str, own_database: "KeyStoreDatabase"
) -> None:
    """An instance whose server does not answer is not half removed: a line says so, and how to leave it."""
    assert (
        place.hil("up", "--dir", str(hand), *SIZE, "--backend", "process", "--keystore", there).returncode
        == 0
    )
    own_database.pause()
    try:
        name = Record.read(hand).layout.database
        for command in ("status", "down"):
            ended = place.hil(command, "--dir", str(hand))
            assert (ended.returncode, ended.stderr.count("\n")) == (64, 1), ended
        assert f"the database {name} is still there" in ended.stderr
    finally:
        own_database.resume()
    assert place.hil("status", "--dir", str(hand)).returncode == 0


def test_what_cannot_be_made(
    place: "Place", hand: Path, there: str, own_database: "KeyStoreDatabase"
) -> None:
    """Where an instance cannot be made nothing of it is left, neither here nor on the server."""
    before = _names(own_database)
    profile = place.runs / "hil.toml"
    profile.write_text('[module]\nname = "none"\nlibrary = "/etc/passwd"\n[token]\nmake = [["false"]]\n')
    for command in (("up",), ("drill",), ("bench",)):
        words = ("--dir", str(hand)) if command != ("bench",) else ()
        ended = place.hil(*command, *words, "--module-profile", str(profile), "--keystore", there)
        assert ended.returncode == 64, ended
        assert ended.stderr.startswith("hil: none (/etc/passwd) cannot stand behind a crypto unit:\n  ")
        assert not hand.exists()
        place.nothing_left()
    assert _names(own_database) == before


@pytest.mark.long
def test_a_validation_that_is_broken_off(place: "Place", nss: Path) -> None:
    """What a procedure loses on both is replayed on both from what an interrupted validation has left."""
    file = Path(__file__).parents[2] / "examples" / "procedures" / "wrong.toml"
    words = ("--profile", "smoke", "--every", "--procedure", str(file), "--out", "runs/it", *SIZE)
    with place.start(
        "validate", *words, "--module-profile", str(nss), "--keystore", "postgresql"
    ) as validation:
        assert validation.stdout
        assert next(line for line in validation.stdout if " DATA_LOST " in line)
        os.killpg(validation.pid, signal.SIGINT)
        assert validation.wait(SECONDS) == 130
    place.nothing_left()
    records = map(json.loads, (place.runs / "runs" / "it" / "results.jsonl").read_text().splitlines())
    lost = next(record["id"] for record in records if record["verdict"] == "DATA_LOST")
    replayed = place.hil("replay", lost, "--run", "runs/it")
    assert "(processes with NSS softokn, key store in PostgreSQL), 8 keys" in replayed.stdout.splitlines()[0]
    assert "stored verdict: the same in runs/it" in replayed.stdout
    assert place.hil("recheck", "runs/it").stdout.startswith("no verdicts changed, ")
    for left_out, complaint in (("--keystore", "key store"), ("--module-profile", "PKCS#11 module")):
        given = {"--keystore": "postgresql", "--module-profile": str(nss)}
        del given[left_out]
        ended = place.hil("validate", *words, *(word for pair in given.items() for word in pair))
        assert (ended.returncode, f"was begun on another {complaint}; choose" in ended.stderr) == (
            64,
            True,
        ), ended
    place.nothing_left()


def test_a_measurement(place: "Place", nss: Path) -> None:
    """Keys in a database, wrapped by another module, survive the kills of a measured rotation."""
    words = ("--kill", "--keys", "300", "--json", "--module-profile", str(nss), "--keystore", "postgresql")
    ended = place.hil("bench", *words)
    assert ended.returncode == 0, ended
    report = json.loads(ended.stdout)
    assert report["equipment"] == {"keystore": "postgresql", "module": "NSS softokn"}
    assert (report["kills"]["keys"], report["kills"]["lost"]) == (300, 0)
    assert [kill["victim"] for kill in report["kills"]["kills"]] == ["kms", "unit", "kms"]
    place.nothing_left()


def test_a_measurement_that_is_killed(place: "Place") -> None:
    """Of a bench that was killed neither a process nor a folder stays, nor a server."""
    with place.start("bench", "--kill", "--keys", "300", "--keystore", "postgresql") as bench:
        ready.until(lambda: any(place.scratch.glob("hil-*/bench/db/postmaster.pid")), "the server", SECONDS)
        bench.kill()
    place.nothing_left()
