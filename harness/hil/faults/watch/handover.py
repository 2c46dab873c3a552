"""How the listener of a watched process comes to the bench: over a pair of sockets, with the process' id.

The kernel writes the id, as it is in the receiver's id space: a process in a container knows another one.
"""

import array
import os
import socket
import struct
from typing import Final

CREDENTIALS: Final = struct.Struct("=iII")  # struct ucred of unix(7): process, user, group


class Unwatched(Exception):
    """The system calls of a process cannot be watched; the process has not run."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Return the bench's end and the process' end."""
    mine, its = socket.socketpair()
    mine.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    return mine, its


def received(mine: socket.socket, seconds: float) -> tuple[int, int]:
    """Return listener and process id that the process sends before it becomes the program.

    Raises Unwatched, also where the process has died before, and TimeoutError.
    """
    mine.settimeout(seconds)
    space = socket.CMSG_SPACE(CREDENTIALS.size) + socket.CMSG_SPACE(array.array("i").itemsize)
    reason, ancillary, _, _ = mine.recvmsg(4096, space)
    found = {kind: content for level, kind, content in ancillary if level == socket.SOL_SOCKET}
    if socket.SCM_RIGHTS not in found:
        raise Unwatched(reason.decode() or "the process died before its system calls were watched")
    listener = array.array("i", found[socket.SCM_RIGHTS])[0]
    os.set_inheritable(listener, False)
    return listener, CREDENTIALS.unpack(found[socket.SCM_CREDENTIALS])[0]
