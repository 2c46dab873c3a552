"""A database server of a rig: put back exactly, killed with proof, and gone without a trace."""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.targets.hpcs.model.processes import BACKEND, DB
from hil.targets.hpcs.rig.keystore import server
from hil.targets.hpcs.rig.layout import OWN_SERVER, Layout, scratch
from hil.targets.hpcs.rig.process.child import NotKilled
from tests.hil.targets.hpcs.rig.keystore.straight import straight

if TYPE_CHECKING:
    from hil.targets.hpcs.rig.keystore.database import KeyStoreDatabase

pytest.importorskip("psycopg", exc_type=ImportError)
pytestmark = pytest.mark.postgresql

TABLES = """CREATE TABLE parent (id TEXT PRIMARY KEY);
CREATE TABLE child (
    made BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id TEXT REFERENCES parent, blob BYTEA);
INSERT INTO parent VALUES ('one'), ('two');
INSERT INTO child (id, blob) VALUES ('two', '\\x00ff'), ('one', NULL);"""
ALL = "SELECT * FROM child ORDER BY made"


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder with a path short enough for sockets."""
    yield (root := scratch("test-"))
    subprocess.run(["rm", "-rf", root], check=True)


@pytest.fixture
def filled(own_database: "KeyStoreDatabase") -> Iterator["KeyStoreDatabase"]:
    """The server with two tables, one of which refers to the other."""
    with straight(own_database) as database:
        database.execute(TABLES)
    yield own_database
    own_database.start()
    with straight(own_database) as database:
        database.execute("DROP TABLE child, parent")


def rows(database: "KeyStoreDatabase") -> list[tuple[object, ...]]:
    """What stands in the table that refers."""
    with straight(database) as connection:
        return connection.execute(ALL).fetchall()


def test_what_was_saved_is_what_is_there_again(filled: "KeyStoreDatabase", root: Path) -> None:
    """Rows, binary ones too, and the number that the next row gets are as before, whatever came after."""
    from hil.targets.hpcs.rig.keystore import database  # noqa: PLC0415 needs psycopg

    before = rows(filled)
    database.save(filled.url, root / "rows")
    with straight(filled) as connection:
        connection.execute("DELETE FROM child; INSERT INTO child (id) VALUES ('one'), ('two')")
    database.load(filled.url, root / "rows")
    assert rows(filled) == before
    with straight(filled) as connection:
        assert connection.execute("INSERT INTO child (id) VALUES ('one') RETURNING made").fetchone() == (3,)


def test_a_killed_server_comes_back_with_what_was_committed(filled: "KeyStoreDatabase") -> None:
    """SIGKILL to all of it: every process is gone, and the next start recovers the rows."""
    before = rows(filled)
    with closing(straight(filled)) as connection:
        connection.execute("BEGIN; DELETE FROM child")
        filled.kill(DB)
    with pytest.raises(NotKilled, match="does not run"):
        filled.kill(DB)
    filled.start()
    assert rows(filled) == before


def test_after_a_backend_has_died_the_server_answers(filled: "KeyStoreDatabase") -> None:
    """The server ends all connections, recovers, and is waited for; only its own processes are killed."""
    with closing(straight(filled)) as connection:
        filled.serving.pid = connection.info.backend_pid
        filled.kill(BACKEND)
        assert len(rows(filled)) == 2
        with pytest.raises(NotKilled, match="has no process"):
            filled.kill(BACKEND)


@pytest.mark.parametrize("killed", [False, True])
def test_nothing_is_left_of_a_server(root: Path, killed: bool) -> None:  # noqa: FBT001 a parameter
    """After its end, also where it was killed before, no process and no shared memory is left."""
    from hil.targets.hpcs.rig.keystore import database  # noqa: PLC0415 needs psycopg

    layout = Layout(root / "w0" / "files", root / "w0" / "s", OWN_SERVER)
    layout.logs.mkdir(parents=True)
    host = database.host(layout)
    host.start()
    lines = (layout.cluster / "postmaster.pid").read_text().splitlines()
    if killed:
        host.kill(DB)
    host.close()
    assert not Path(f"/proc/{lines[0]}").exists()
    segments = subprocess.run(["ipcs", "-m"], capture_output=True, text=True, check=True, timeout=10)
    assert f" {lines[6].split()[1]} " not in segments.stdout


def test_on_a_server_that_is_there_a_rig_has_a_database_of_its_own(
    own_database: "KeyStoreDatabase", root: Path
) -> None:
    """The database is named for the rig and dropped with it; nobody may kill the server."""
    from hil.targets.hpcs.rig.keystore import database  # noqa: PLC0415 needs psycopg

    with straight(own_database) as connection:
        info = connection.info
        given = f"postgresql://{info.user}@/?host={info.host}"
    database.check(given)
    layout = Layout(root / "w0" / "files", root / "w0" / "s", given)
    host = database.host(layout)
    host.start()
    with straight(host) as connection:
        assert connection.info.dbname == layout.database
    with pytest.raises(NotKilled):
        host.kill(DB)
    host.close()
    with straight(own_database) as connection:
        names = {name for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall()}
    assert layout.database not in names


def test_a_server_that_does_not_answer_is_named(root: Path) -> None:
    """Where no server is, one line says so before anything is made."""
    from hil.targets.hpcs.rig.keystore import database  # noqa: PLC0415 needs psycopg

    with pytest.raises(database.NoDatabase, match=str(root)) as raised:
        database.check(f"postgresql://kms@/?host={root}")
    assert "\n" not in str(raised.value)


def test_the_programs_are_found() -> None:
    """What the tests run is a server with all of its programs."""
    folder = server.programs()
    assert folder is not None
    assert all((folder / name).exists() for name in server.PROGRAMS)
