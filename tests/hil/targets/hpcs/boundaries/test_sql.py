"""Commits on the wire between kms and database server: a real server, a real client, a relay between them."""

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from hil.model.faults import Fault
from hil.targets.hpcs.model.processes import BACKEND, DB
from hsm_emulator.kms.store import StoreError
from tests.hil.targets.hpcs.rig.keystore.straight import straight

if TYPE_CHECKING:
    from hil.targets.hpcs.boundaries.conductor import Conductor
    from hil.targets.hpcs.rig.keystore.database import KeyStoreDatabase
    from hsm_emulator.kms.store.postgresql import Postgresql
    from tests.hil.targets.hpcs.boundaries.conftest import Kills

psycopg = pytest.importorskip("psycopg", exc_type=ImportError)
pytestmark = pytest.mark.postgresql

POINT = "{victim}@sql-commit.1-{when}"


@pytest.fixture
def url(own_database: "KeyStoreDatabase", conductor: "Conductor") -> Iterator[str]:
    """The database behind a relay, for a kms that is this process."""
    (relay,) = own_database.relays(conductor)
    with closing(relay):
        yield own_database.relayed


@pytest.fixture
def client(own_database: "KeyStoreDatabase", url: str) -> Iterator["Postgresql"]:
    """A connection through the relay, and a table with nothing in it."""
    from hsm_emulator.kms.store.postgresql import Postgresql  # noqa: PLC0415 needs psycopg

    with straight(own_database) as database:
        database.execute("CREATE TABLE mark (word TEXT)")
    client = Postgresql(url)
    yield client
    client.close()
    own_database.start()
    with straight(own_database) as database:
        database.execute("DROP TABLE mark")


def write(client: "Postgresql") -> None:
    """Commit one row."""
    with client.transaction():
        client.change("INSERT INTO mark VALUES (:word)", {"word": "here"})


def written(own_database: "KeyStoreDatabase") -> bool:
    """Whether that row is there, past the relay; a server that was killed is started."""
    own_database.start()
    with straight(own_database) as database:
        return database.execute("SELECT * FROM mark").fetchall() == [("here",)]


def events(conductor: "Conductor") -> list[str]:
    """What has crossed, but for lines."""
    return [
        f"{event.client}>{event.server} {event.name}.{event.ordinal} {event.when}"
        for event in conductor.events
    ]


def test_a_commit_is_two_events_and_nothing_else_is_any(client: "Postgresql", conductor: "Conductor") -> None:
    """Reads, writes and what is rolled back pass unseen; a commit is seen on both sides of its effect."""
    client.read("SELECT * FROM mark")
    with pytest.raises(ZeroDivisionError), client.transaction():
        raise ZeroDivisionError
    assert events(conductor) == []
    write(client)
    write(client)
    assert events(conductor) == [
        f"kms>db sql-commit.{number} {when}" for number in (1, 2) for when in ("before", "after")
    ]


def test_a_prepared_commit_is_one(url: str, conductor: "Conductor") -> None:
    """A commit that was parsed once and is executed by name counts at each execution, and not when parsed."""
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(3):
            connection.execute("BEGIN", prepare=True)
            connection.execute("COMMIT", prepare=True)
    assert [event.split()[1] for event in events(conductor)][::2] == [f"sql-commit.{n}" for n in (1, 2, 3)]


@pytest.mark.parametrize("victim", ["kms", "db", "backend"])
@pytest.mark.parametrize(("when", "there"), [("before", False), ("after", True)])
def test_the_commit_is_whole_or_absent_and_nobody_is_told(
    own_database: "KeyStoreDatabase",
    client: "Postgresql",
    conductor: "Conductor",
    kills: "Kills",
    victim: str,
    when: str,
    there: bool,  # noqa: FBT001 a column of the table above
) -> None:
    """Whoever dies: before the commit there is no row, after it there is one; the client gets no answer."""
    dying = {"db": DB, "backend": BACKEND}
    if victim in dying:
        kills.also = lambda: own_database.kill(dying[victim])
    conductor.begin((Fault.parse(POINT.format(victim=victim, when=when)),))
    with pytest.raises(StoreError):
        write(client)
    assert (conductor.fired, conductor.error) == ((True,), None)
    assert written(own_database) is there


@pytest.mark.parametrize(("when", "there"), [("before", False), ("after", True)])
def test_an_error_reply_ends_the_connection(
    own_database: "KeyStoreDatabase",
    client: "Postgresql",
    conductor: "Conductor",
    when: str,
    there: bool,  # noqa: FBT001 the same
) -> None:
    """The client reads the error of a server that goes; the side says whether the commit took effect."""
    conductor.begin((Fault.parse(POINT.format(victim="db", when=when) + "+error.57P01"),))
    with pytest.raises(StoreError, match="terminating connection"):
        write(client)
    with pytest.raises(StoreError):
        client.read("SELECT 1")
    assert written(own_database) is there
