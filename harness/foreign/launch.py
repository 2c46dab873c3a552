"""Becomes a command whose system calls are watched: ``python -m harness.foreign.launch FD COMMAND…``.

The filter outlives execve, so the command itself is untouched. ``FD`` is the socket to the bench, which gets
the listener, or else the reason why there is none.
"""

import os
import socket
import sys

from harness.watch import prctl
from harness.watch.filter import CannotWatch, install

NOT_FOUND = 127  # as shells have it


def main(argv: list[str]) -> int:
    """Become the command; returns where that is not possible."""
    prctl.die_with_parent()
    with socket.socket(fileno=int(argv[0])) as bench:
        try:
            listener = install()
        except CannotWatch as error:
            bench.send(str(error).encode())
            return 1
        socket.send_fds(bench, [b"listener"], [listener])
        os.close(listener)
    try:
        os.execvp(argv[1], argv[1:])  # noqa: S606 - the command of a profile, as its author wrote it
    except OSError as error:
        print(f"{argv[1]}: {error.strerror}", file=sys.stderr)
    return NOT_FOUND


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
