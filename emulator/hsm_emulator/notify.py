"""Telling whoever started this process that it serves: the protocol of sd_notify(3).

The starter names a datagram socket in NOTIFY_SOCKET; where it does not, nobody is told. A service that comes
back from a power cycle says it again, as one of systemd's type "notify-reload" does.
"""

import os
import socket
from contextlib import suppress

READY = b"READY=1"


def ready() -> None:
    """Say that requests are served from now on; a starter that has gone does not hear it."""
    if path := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end, suppress(OSError):
            end.sendto(READY, path)
