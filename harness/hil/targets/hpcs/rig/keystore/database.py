"""A key store in a PostgreSQL database: on a server of the rig's own, or on one that is there already.

A rig is restored by TRUNCATE and COPY of what its snapshot holds, in one transaction: 1.7 ms. Measured beside
it: CREATE DATABASE from a template, 8.4 ms with a copy of files and 20 ms with a copy by the log; stopping
the server, putting its files back and starting it, 220 ms.

On a server that is there already each rig has a database of its own, which is dropped afterwards. Such a
server is not the bench's to kill: its commits count as the kms' own, so that no plan names it as a victim.
"""

import json
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from hil.model.faults import Process
from hil.targets.hpcs.boundaries import sql as sql_wire
from hil.targets.hpcs.boundaries.conductor import Conductor
from hil.targets.hpcs.boundaries.relay import Relay
from hil.targets.hpcs.model.processes import DB, KMS, Role
from hil.targets.hpcs.rig.keystore import server, store
from hil.targets.hpcs.rig.keystore.server import DatabaseServer
from hil.targets.hpcs.rig.layout import OWN_SERVER, Layout
from hil.targets.hpcs.rig.preflight import NotReadyHere
from hil.targets.hpcs.rig.process.child import NotKilled

CONNECT_SECONDS = 5
LOCK_MILLISECONDS = 10_000
MAINTENANCE = "postgres"  # the database that every server has
TABLES = """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    ORDER BY oid"""  # a table comes after those that it refers to
SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"


class NoDatabase(NotReadyHere):
    """The server that was named cannot be used; the text says why, and what to do."""


def connect(url: str) -> psycopg.Connection:
    """Open a connection for a short while; raises NoDatabase."""
    options = f"-c lock_timeout={LOCK_MILLISECONDS}"
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_SECONDS, options=options)
    except psycopg.Error as error:
        text = " ".join(str(error).split())
        raise NoDatabase(f"no database server: {text}; start it, or name another") from error


def select(url: str, query: LiteralString) -> list[tuple[Any, ...]]:
    """Return every row of a query."""
    with connect(url) as database:
        return database.execute(query).fetchall()


def add(url: str, inserts: Sequence[tuple[LiteralString, Sequence[Sequence[object]]]]) -> None:
    """Run each statement, with ? for its values, for every row that comes with it; all in one transaction."""
    with connect(url) as database, database.transaction(), database.cursor() as cursor:
        for statement, rows in inserts:
            cursor.executemany(statement.replace("?", "%s"), rows)


def copied(url: str) -> list[tuple[str, bytes]]:
    """Return the rows of every table by its name, as COPY gives them in its binary form."""
    with connect(url) as database, database.transaction():
        return _copied(database)


def save(url: str, folder: Path) -> None:
    """Write the rows of every table, and where sequences stand, into ``folder``."""
    folder.mkdir(exist_ok=True)
    with connect(url) as database, database.transaction():
        for table, data in _copied(database):
            (folder / table).write_bytes(data)
        standing: dict[str, int | None] = dict(database.execute(SEQUENCES).fetchall())
    (folder / "sequences.json").write_text(json.dumps(standing))


def _copied(database: psycopg.Connection) -> list[tuple[str, bytes]]:
    tables = []
    for (table,) in database.execute(TABLES).fetchall():
        out = sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(sql.Identifier(table))
        with database.cursor().copy(out) as copy:
            tables.append((table, b"".join(map(bytes, copy))))
    return tables


def load(url: str, folder: Path) -> None:
    """Make the rows of every table, and where sequences stand, those of ``folder``."""
    with connect(url) as database, database.transaction():
        tables = [table for (table,) in database.execute(TABLES).fetchall()]
        names = sql.SQL(", ").join(map(sql.Identifier, tables))
        database.execute(sql.SQL("TRUNCATE {}").format(names))
        for table in tables:
            into = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(sql.Identifier(table))
            with database.cursor().copy(into) as copy:
                copy.write((folder / table).read_bytes())
        for name, last in json.loads((folder / "sequences.json").read_text()).items():
            standing = (name, last or 1, last is not None)
            database.execute("SELECT setval(quote_ident(%s)::regclass, %s, %s)", standing)


class KeyStoreDatabase:
    """The key store of one rig in a database of its own, see StoreHost; ``own``: its server, if any."""

    def __init__(self, layout: Layout, own: DatabaseServer | None) -> None:
        self._layout = layout
        self._server = own
        self._maintenance = _database(layout.key_store, MAINTENANCE)
        self.serving = sql_wire.Serving()
        self._made = False
        self._address = ("", 0)

    def relays(self, conductor: Conductor) -> Sequence[Relay]:
        """See StoreHost."""
        folder = self._layout.database_sockets(relayed=True)
        folder.mkdir(exist_ok=True)
        answers = DB if self._server else KMS
        exchange = sql_wire.exchange(conductor, KMS, answers, self.serving)
        upstream = server.socket_file(self._layout.database_sockets()) if self._server else self._open
        return (Relay(server.socket_file(folder), upstream, exchange),)

    def start(self) -> None:
        """See StoreHost."""
        if self._server and not self._server.runs:
            if not self._layout.cluster.exists():
                self._server.make()
            self._server.start()
        if not self._made:
            self._address = _create(self._maintenance, self._layout.database)
            self._made = True

    @property
    def url(self) -> str:
        """URL of the database past the relay."""
        return self._layout.key_store

    @property
    def relayed(self) -> str:
        """URL of the database for whoever is to pass the relay."""
        return self._layout.store(relayed=True)

    def make(self) -> None:
        """See StoreHost. Not through the relay, which lets nobody pass but a kms that serves."""
        config = json.loads(self._layout.kms_config.read_text())
        direct = self._layout.kms_config.with_name("init.json")
        direct.write_text(json.dumps(config | {"store": self._layout.key_store}))
        try:
            store.init(direct)
        finally:
            direct.unlink()

    def save(self) -> None:
        """See StoreHost."""
        save(self._layout.key_store, self._layout.rows)

    def load(self) -> None:
        """See StoreHost."""
        if not select(self._layout.key_store, TABLES):
            self.make()
        load(self._layout.key_store, self._layout.rows)

    def kill(self, process: Process) -> None:
        """See StoreHost."""
        own = self._own(process)
        if process.role == Role.BACKEND:
            own.kill_backend(self.serving.pid)
        else:
            own.kill()

    def pause(self) -> None:
        """See StoreHost."""
        self._own(DB).pause()

    def resume(self) -> None:
        """See StoreHost."""
        self._own(DB).resume()

    def close(self, *, keep: bool = False) -> None:
        """See StoreHost."""
        if self._server:
            self._server.stop()
        elif self._made and not keep:
            drop(self._layout)

    def _own(self, process: Process) -> DatabaseServer:
        if self._server is None:
            raise NotKilled(f"the database server is not the rig's own, there is no {process}")
        return self._server

    def _open(self) -> socket.socket:
        """Connect to a server that is there already."""
        folder, port = self._address
        if not folder.startswith("/"):
            return socket.create_connection(self._address, timeout=CONNECT_SECONDS)
        end = socket.socket(socket.AF_UNIX)
        end.settimeout(CONNECT_SECONDS)
        end.connect(f"{folder}/.s.PGSQL.{port}")
        return end


def host(layout: Layout) -> KeyStoreDatabase:
    """Return what holds the key store of a layout whose key store is on a server."""
    return KeyStoreDatabase(layout, own_server(layout) if layout.server == OWN_SERVER else None)


def own_server(layout: Layout) -> DatabaseServer:
    """Return the server of a layout that has one of its own."""
    maintenance = _database(layout.key_store, MAINTENANCE)
    below = layout.files.parent.parent.parent
    folders = (layout.cluster, layout.database_sockets(), layout.logs / "database.log")
    return DatabaseServer(*folders, below, lambda: answers(maintenance))


def drop(layout: Layout) -> None:
    """Remove the database of a layout from a server that is not its own; raises NoDatabase."""
    with connect(_database(layout.key_store, MAINTENANCE)) as database:
        name = sql.Identifier(layout.database)
        database.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


def check(url: str) -> None:
    """Raise NoDatabase where databases cannot be made on the server that ``url`` names."""
    with connect(_database(url, MAINTENANCE)) as database:
        found = database.execute(
            "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    if not found or not found[0]:
        raise NoDatabase("the user of the database server may make no databases; give it CREATEDB")


def answers(url: str) -> bool:
    """Whether a server lets one into the database at ``url``."""
    with suppress(NoDatabase), connect(url):
        return True
    return False


def _create(maintenance: str, name: str) -> tuple[str, int]:
    """Make an empty database where there is none; return host and port of the server."""
    with connect(maintenance) as database:
        if not database.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
            database.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        return database.info.host, database.info.port


def _database(url: str, name: str) -> str:
    return urlsplit(url)._replace(path=f"/{name}").geturl()
