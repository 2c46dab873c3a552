"""A relay: a Unix socket that stands in front of another one and hands each connection to an exchange."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from emulator.wire.errors import WireError
from emulator.wire.message import Malformed

UPSTREAM_SECONDS = 120.0

Connect = Callable[[], socket.socket]
Exchange = Callable[[socket.socket, socket.socket], None]
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: struct ucred of unix(7)


def peer_pid(end: socket.socket) -> int:
    """Return the id of the process that opened a connection, also when it has died since."""
    raw = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(raw)[0])


class Relay:
    """Listens on ``listen``; for every connection opens ``upstream`` and runs ``exchange`` in a thread.

    ``upstream``: a socket in the file system, or what connects to something else.

    Where upstream does not answer, the caller's connection is closed: it sees a server that is gone.
    """

    def __init__(self, listen: Path, upstream: Path | Connect, exchange: Exchange) -> None:
        self._connect = partial(_connected, upstream) if isinstance(upstream, Path) else upstream
        self._exchange = exchange
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        listen.unlink(missing_ok=True)
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(str(listen))
        self._server.listen(64)
        self._thread = threading.Thread(target=self._accept, name=f"relay {listen}", daemon=True)
        self._thread.start()

    def hang_up(self) -> None:
        """Close every connection that is open now; new ones are still served."""
        with self._lock:
            for end in self._open:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop listening and close everything."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.hang_up()
        self._thread.join(timeout=5)

    def _accept(self) -> None:
        while True:
            try:
                downstream, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(downstream,), daemon=True).start()

    def _serve(self, downstream: socket.socket) -> None:
        ends = {downstream}
        self._note(ends)
        try:
            upstream = self._connect()
            upstream.settimeout(UPSTREAM_SECONDS)
            ends.add(upstream)
            self._note(ends)
            self._exchange(downstream, upstream)
        except (OSError, EOFError, Malformed, WireError):
            pass  # one of the ends is gone: closing both is the answer
        finally:
            with self._lock:
                self._open -= ends
            for end in ends:
                end.close()

    def _note(self, ends: set[socket.socket]) -> None:
        with self._lock:
            self._open |= ends


def _connected(upstream: Path) -> socket.socket:
    end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        end.connect(str(upstream))
    except OSError:
        end.close()
        raise
    return end
