"""A relay on the PKCS#11 socket of a unit, which acts at a chosen call. No clock decides."""

import socket
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hsm_emulator.wire.frames import FrameReader, call_name


class Relay:
    """Stands between the service and a unit's PKCS#11 and acts before the chosen call passes on."""

    def __init__(self, path: Path, upstream: Path) -> None:
        self.path, self._upstream = path, upstream
        self._trigger: tuple[str, int] | None = None
        self._action: Callable[[], None] = lambda: None
        self._counts: Counter[str] = Counter()
        self.reached = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, name: str, ordinal: int, action: Callable[[], None]) -> None:
        """Act before the ``ordinal``-th call ``name`` from now on."""
        self._counts.clear()
        self.reached.clear()
        self._trigger, self._action = (name, ordinal), action

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(str(self._upstream))
            except OSError:
                client.close()
                server.close()
                continue
            for target, ends in ((self._requests, (client, server)), (_replies, (server, client))):
                threading.Thread(target=_until_closed, args=(target, *ends), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        reader, greeted = FrameReader(), False
        while data := client.recv(65536):
            frames = reader.feed(data)
            if not greeted:
                server.sendall(data[:1])
                greeted = True
            for frame in frames:
                name = call_name(frame)
                self._counts[name] += 1
                if (name, self._counts[name]) == self._trigger:
                    self._trigger = None
                    self.reached.set()
                    self._action()
                server.sendall(frame.encode())


def _replies(server: socket.socket, client: socket.socket) -> None:
    while data := server.recv(65536):
        client.sendall(data)


def _until_closed(
    target: Callable[[socket.socket, socket.socket], None], source: socket.socket, sink: socket.socket
) -> None:
    with source, sink:
        with suppress(OSError):
            target(source, sink)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
