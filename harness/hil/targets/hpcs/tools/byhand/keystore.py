"""The key store of an instance by hand, where it is on a server: it outlives the command, and goes at last.

A server of the instance's own is a process of it, ``db``. On a server that is there already the instance has
a database, which goes with it; that server is neither started nor stopped.
"""

import os
import signal
from contextlib import suppress
from pathlib import Path

from hil.targets.hpcs.rig import preflight
from hil.targets.hpcs.rig.keystore.server import STOP_SECONDS
from hil.targets.hpcs.rig.layout import OWN_SERVER, Layout
from hil.targets.hpcs.rig.process import owner, ready

DB = "db"


def check_folder(server: str, folder: Path) -> None:
    """Raise NotReadyHere where a server of the instance's own cannot work in the folder of the instance."""
    if server == OWN_SERVER:
        preflight.check_open(folder.parent, "choose another --dir")


def start(layout: Layout, owners: dict[str, str]) -> None:
    """Start a server of the instance's own unless it runs, and note who it is; NoDatabase for another's."""
    if not layout.server:
        return
    from hil.targets.hpcs.rig.keystore import database  # noqa: PLC0415 needs a library that an SQLite file does not

    if layout.server != OWN_SERVER:
        database.check(layout.server)
    elif not (DB in owners and owner.parse(owners[DB]).may_live()):
        server = database.own_server(layout)
        try:
            owners[DB] = str(owner.of(server.start(outlives=True)))
        except BaseException:
            server.stop()
            raise


def answers(layout: Layout) -> bool:
    """Whether the database lets one in."""
    from hil.targets.hpcs.rig.keystore import database  # noqa: PLC0415 as above

    return database.answers(layout.key_store)


def stop(layout: Layout, name: str) -> None:
    """End the server of the instance's own with all of its processes; ``name`` says who it is."""
    from hil.targets.hpcs.rig.keystore import database  # noqa: PLC0415 as above

    known = owner.parse(name)
    if known.may_live():
        with suppress(ProcessLookupError):
            os.kill(known.pid, signal.SIGCONT)
            os.kill(known.pid, signal.SIGQUIT)  # its children are in groups of their own; it takes them along
        ready.until(lambda: not known.may_live(), "the end of the database server", STOP_SECONDS)
    database.own_server(layout).free_memory()


def remove(layout: Layout) -> None:
    """Drop the database of the instance where the server is another's; raises NotReadyHere."""
    if not layout.server or layout.server == OWN_SERVER:
        return
    from hil.targets.hpcs.rig.keystore import database  # noqa: PLC0415 as above

    try:
        database.drop(layout)
    except database.NoDatabase as error:
        raise preflight.NotReadyHere(
            f"the database {layout.database} is still there ({error}); 'hil down --keep' leaves it"
        ) from error
