"""A shell that outlives the campaign and removes its containers and its scratch folder, however it ends.

It waits until nobody holds the other end of its standard input: neither the campaign nor a worker, each of
which might still write. Where the campaign ends by itself there is nothing left for it to do.
"""

import os
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path

# A process that is just being killed may write once more, also when the folder has gone, and make it anew.
_SCRIPT = """
cat
root=$1; shift
[ $# -eq 0 ] || "$@"
for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf -- "$root"; sleep 1; [ -e "$root" ] || exit; done
"""
_REAP = "import sys; from harness.rig import docker; docker.reap(sys.argv[1])"


def post(root: Path, run: str = "") -> Connection:
    """Start a janitor for ``root``; it sets to work when every copy of the returned end is closed.

    ``run`` is the label of the run's containers, empty where it has none.
    """
    reap = [sys.executable, "-c", _REAP, run] if run else []
    waits, held = os.pipe()
    subprocess.run(
        ["setsid", "--fork", "sh", "-c", _SCRIPT, "janitor", str(root), *reap],
        stdin=waits,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    os.close(waits)
    return Connection(held, readable=False)
