"""A scratch folder that goes again, and containers with it, however the process that has made it ends.

Where that one is killed, a janitor does it: a shell that waits until nobody holds the other end of its
standard input, ``keep_alive``: neither the maker nor whoever has a copy and might still write. It is out of
the terminal's process group before its starter goes on, so that ^C does not take it along. Folder and janitor
are made in one piece: an interrupt between them would leave a folder that nobody removes.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from hil import inherited
from hil.targets.hpcs.rig.layout import scratch
from hil.targets.hpcs.rig.process import interrupts

# A process that is just being killed may write once more, also when the folder has gone, and make it anew.
_SCRIPT = """
cat
root=$1; shift
[ $# -eq 0 ] || "$@"
for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf -- "$root"; sleep 1; [ -e "$root" ] || exit; done
"""


@dataclass(frozen=True)
class Workplace:
    """A folder that stays as long as somebody holds a copy of ``keep_alive``."""

    folder: Path
    keep_alive: Connection


@contextmanager
def workplace(containers: str = "") -> Iterator[Workplace]:
    """Make a new folder for the length of the block; raises NoScratch.

    ``containers``: label of those that are removed with it where this process is killed; empty: none.
    """
    with interrupts.held():
        folder = scratch("hil-")
        keep_alive = _post_janitor(folder, containers)
    with keep_alive:
        try:
            yield Workplace(folder, keep_alive)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _post_janitor(folder: Path, containers: str) -> Connection:
    reap = inherited.python("hil.targets.hpcs.rig.reap", containers) if containers else []
    waits, held = os.pipe()
    subprocess.run(
        ["setsid", "--fork", "sh", "-c", _SCRIPT, "janitor", str(folder), *reap],
        env=inherited.environment(),
        stdin=waits,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # its own is in time; that of setsid begins after the fork
        check=True,
    )
    os.close(waits)
    return Connection(held, readable=False)
