"""Which key store a rig has: a file, a server of its own, or a server that is there already."""

from contextlib import suppress

from hil.targets.hpcs.rig import preflight, watching
from hil.targets.hpcs.rig.keystore import server
from hil.targets.hpcs.rig.keystore.store import FileStore, StoreHost
from hil.targets.hpcs.rig.layout import Layout, is_server, scratch_place
from hil.targets.hpcs.rig.preflight import NotReadyHere

SQLITE = "sqlite"


def choose(keystore: str) -> str:
    """Return what Layout wants to know of a key store: sqlite, postgresql or the URL of a server.

    Raises NotReadyHere where this machine lacks what it needs.
    """
    if keystore == SQLITE:
        return ""
    try:
        from hil.targets.hpcs.rig.keystore import database  # noqa: PLC0415 needs a library that an SQLite file does not
    except ImportError as error:
        raise NotReadyHere("PostgreSQL's libpq is missing on this machine; run 'make postgresql'") from error
    if is_server(keystore):
        database.check(keystore)
    elif server.programs() is None:
        raise NotReadyHere("there is no PostgreSQL server on this machine; run 'make postgresql'")
    else:
        place = scratch_place()
        if "," in str(place):
            raise NotReadyHere(f"libpq reads {place} as two places, for its comma; set HIL_TMP to another")
        preflight.check_open(place, "set HIL_TMP")
        watching.check_ends()
    return keystore


def forget(layout: Layout) -> None:
    """Remove the key store of a rig whose process was killed from a server that is not its own."""
    if is_server(layout.server):
        from hil.targets.hpcs.rig.keystore import database  # noqa: PLC0415 as above

        with suppress(database.NoDatabase):
            database.drop(layout)


def host(layout: Layout) -> StoreHost:
    """Return what holds the key store of a layout."""
    if not layout.server:
        return FileStore(layout)
    from hil.targets.hpcs.rig.keystore import database  # noqa: PLC0415 as above

    return database.host(layout)
