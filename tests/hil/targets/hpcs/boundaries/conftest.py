"""Small servers of the test behind real relays, and a conductor whose kills are written down."""

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from hil.model.faults import EventClass, Fault, FaultKind, Process
from hil.targets.hpcs.boundaries import http
from hil.targets.hpcs.boundaries.conductor import Conductor
from hil.targets.hpcs.boundaries.relay import Relay
from hil.targets.hpcs.model.processes import KMS, unit
from hil.targets.hpcs.rig.layout import scratch
from hsm_emulator.wire import unixhttp

SECONDS = 20.0


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a path short enough for a socket."""
    path = scratch("test-")
    yield path
    shutil.rmtree(path)


class Kills:
    """Stands for the rig: remembers who was killed, and does what the test asks for beside that."""

    def __init__(self) -> None:
        self.victims: list[Process] = []
        self.expired = 0
        self.also: Callable[[], object] = lambda: None

    def kill(self, process: Process) -> None:
        """Kill."""
        self.victims.append(process)
        self.also()

    def pause(self, process: Process) -> None:
        """Stop from answering."""
        self.kill(process)

    def blind(self, kind: FaultKind) -> None:
        """Nothing is printed here."""

    def expire(self) -> None:
        """Count how often the token has expired."""
        self.expired += 1


@pytest.fixture
def kills() -> Kills:
    """What the conductor has killed."""
    return Kills()


@pytest.fixture
def conductor(kills: Kills) -> Conductor:
    """A conductor for which this process is the living kms."""
    conductor = Conductor(kills)
    conductor.start(KMS, os.getpid)
    return conductor


class Server:
    """An HTTP server of a few lines: remembers the targets asked for and answers each with 200.

    ``meanwhile`` is called before each answer.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seen: list[str] = []
        self.meanwhile: Callable[[], object] = lambda: None
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._end: socket.socket | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with suppress(OSError):  # closed
            while True:
                self._end, _ = self._listener.accept()
                with self._end as end:
                    if not self._closed:
                        self._answer(end)

    def _answer(self, end: socket.socket) -> None:
        end.settimeout(SECONDS)
        request = b""
        while b"\r\n\r\n" not in request:
            chunk = end.recv(65536)
            if not chunk:
                return
            request += chunk
        self.seen.append(request.split(b" ")[1].decode())
        self.meanwhile()
        body = b'{"answer": "yes"}'
        with suppress(OSError):
            end.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    def hang_up(self) -> None:
        """Leave whoever is being served without an answer."""
        if self._end:
            self._end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hang up and stop listening; who connects from now on finds nobody."""
        self._closed = True
        for end in (self._listener, self._end):
            with suppress(OSError):
                if end:
                    end.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(SECONDS)


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    """What is closed after the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def server(folder: Path, closing: ExitStack) -> Server:
    """Stand for unit 1, to which requests go through ``relayed``."""
    server = Server(folder / "server")
    closing.callback(server.close)
    return server


@pytest.fixture
def relayed(folder: Path, conductor: Conductor, server: Server, closing: ExitStack) -> Path:
    """Socket of a relay between the kms, which is this process, and the server; events are the targets."""
    run = http.exchange(conductor, EventClass.ADMIN, KMS, unit(1), lambda _, target: target.removeprefix("/"))
    relay = Relay(folder / "relay", server.path, run)
    closing.callback(relay.close)
    return folder / "relay"


@pytest.fixture
def ask(relayed: Path) -> Callable[[str], bool]:
    """Ask for an event; whether an answer came."""

    def one(event: str) -> bool:
        try:
            return unixhttp.request(relayed, "GET", f"/{event}", seconds=SECONDS).body == {"answer": "yes"}
        except unixhttp.Unreachable:
            return False

    return one


@pytest.fixture
def strike(conductor: Conductor) -> Callable[..., None]:
    """Arm faults by their ids."""
    return lambda *ids: conductor.begin([Fault.parse(text) for text in ids])
