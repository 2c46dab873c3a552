"""A shell that outlives the campaign and removes its scratch folder, whichever way the campaign ends.

It waits until nobody holds the other end of its standard input: neither the campaign nor a worker, each of
which might still write. Where the campaign ends by itself there is nothing left for it to do.
"""

import os
import subprocess
from multiprocessing.connection import Connection
from pathlib import Path

# A process that is just being killed may write once more while the folder is being removed.
_SCRIPT = 'cat; for _ in 1 2 3 4 5; do rm -rf -- "$1" && exit; sleep 1; done'


def post(root: Path) -> Connection:
    """Start a janitor for ``root``; it sets to work when every copy of the returned end is closed."""
    waits, held = os.pipe()
    subprocess.run(
        ["setsid", "--fork", "sh", "-c", _SCRIPT, "janitor", str(root)],
        stdin=waits,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    os.close(waits)
    return Connection(held, readable=False)
