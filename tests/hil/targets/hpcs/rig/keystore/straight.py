"""Ways of tests to a database server that pass no relay."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psycopg

    from hil.targets.hpcs.rig.keystore.database import KeyStoreDatabase


def straight(database: "KeyStoreDatabase") -> "psycopg.Connection":
    """Open a connection past the relay."""
    from hil.targets.hpcs.rig.keystore.database import connect  # noqa: PLC0415 needs psycopg

    return connect(database.url)


def another(database: "KeyStoreDatabase", name: str) -> str:
    """Make one more empty database on the same server, and return its URL."""
    from hil.targets.hpcs.rig.keystore.database import _create, _database  # noqa: PLC0415 needs psycopg

    _create(database._maintenance, name)
    return _database(database.url, name)
