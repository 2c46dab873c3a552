"""A SoftHSM token of the tests' own, the unmodified p11-kit server in front of it, and the two ways in.

`Server` is the server process group. A token of the contract tests is one of two: the project's client over
the socket, or python-pkcs11 on the same kind of token in a child process (SoftHSM is one library instance a
process, and reads its configuration from the environment).
"""

import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hsm_emulator.wire.client import Session, UnitModule
from hsm_emulator.wire.errors import P11Error
from hsm_emulator.wire.frames import Frame, FrameReader

LIBRARY = "/usr/lib/softhsm/libsofthsm2.so"
STOCK_CLIENT = "/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so"
SECONDS = 20.0
LABEL = "unit1"
PIN = "one-pin-of-the-tests"


@dataclass
class Server:
    """A token folder, its socket, and the p11-kit server that serves it while it runs."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        """Where the server listens."""
        return self.folder / "p11.sock"

    @property
    def environment(self) -> dict[str, str]:
        """What tells SoftHSM where its tokens are, and the stock client where the server is."""
        own = {
            "SOFTHSM2_CONF": str(self.folder / "softhsm2.conf"),
            "P11_KIT_SERVER_ADDRESS": f"unix:path={self.socket}",
        }
        return {**os.environ, **own}

    def start(self) -> None:
        """Start the server; it prints its address once it listens."""
        command = ["p11-kit", "server", "-f", "-n", str(self.socket), "--provider", LIBRARY, "pkcs11:"]
        self.process = subprocess.Popen(
            command, env=self.environment, start_new_session=True, stdout=subprocess.PIPE
        )
        assert self.process.stdout
        assert b"P11_KIT_SERVER_ADDRESS" in self.process.stdout.readline()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server and to its child of each connection."""
        assert self.process
        os.killpg(self.process.pid, number)

    def stop(self) -> None:
        """SIGKILL the whole group."""
        if self.process:
            self.signal(signal.SIGKILL)
            self.process.communicate(timeout=10)
            self.process = None


def new_token(folder: Path) -> Server:
    """Initialise a token in an empty folder."""
    (folder / "tokens").mkdir()
    configuration = f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
    (folder / "softhsm2.conf").write_text(configuration)
    server = Server(folder)
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", "5678"],
        env=server.environment,
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=20,
    )
    return server


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a path short enough for a socket, in memory where there is /dev/shm."""
    shm = Path("/dev/shm")
    path = Path(tempfile.mkdtemp(prefix="wire", dir=shm if shm.is_dir() else None))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    """A running server on a fresh token."""
    server = new_token(folder)
    server.start()
    yield server
    server.stop()


# What a relay does with one reply: pass this frame on; send these bytes and hang up; None: never answer.
Policy = Callable[[Frame, Frame], Frame | bytes | None]
Serve = Callable[[socket.socket], None]


class Peer:
    """A thread that serves connections on its own socket, one after the other, each with its function."""

    def __init__(self, path: Path, serves: tuple[Serve, ...]) -> None:
        self.socket = path
        self._serves = serves
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.settimeout(SECONDS)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        for serve in self._serves:
            near, _ = self._listener.accept()
            near.settimeout(SECONDS)
            with near, suppress(ConnectionError):
                serve(near)

    def close(self) -> None:
        """Wait for the thread."""
        self._thread.join(SECONDS)
        self._listener.close()


def relay(upstream: Path, policy: Policy) -> Serve:
    """Return what a Peer does to stand between a client and a server."""

    def serve(near: socket.socket) -> None:
        requests, replies = FrameReader(), FrameReader()
        with socket.socket(socket.AF_UNIX) as far:
            far.settimeout(SECONDS)
            far.connect(str(upstream))
            while data := near.recv(65536):
                far.sendall(data)
                if requests.version is None:
                    near.sendall(far.recv(1))
                    replies.feed(b"\0")
                for request in requests.feed(data):
                    arrived: list[Frame] = []
                    while not arrived:
                        arrived = replies.feed(far.recv(65536))
                    passed = policy(request, arrived[0])
                    if isinstance(passed, Frame):
                        near.sendall(passed.encode())
                    else:
                        near.sendall(passed or b"")
                        if passed is None:
                            near.recv(1)
                        return

    return serve


@pytest.fixture
def peer(folder: Path) -> Iterator[Callable[..., Path]]:
    """Start peers that are waited for at the end; each call returns the socket of one."""
    started: list[Peer] = []

    def start(*serves: Serve) -> Path:
        started.append(Peer(folder / f"peer{len(started)}.sock", serves))
        return started[-1].socket

    yield start
    for one in started:
        one.close()


@pytest.fixture
def relayed(server: Server, peer: Callable[..., Path]) -> Callable[..., Path]:
    """Start a relay in front of the running server for a policy, after other functions; return its socket."""
    return lambda policy, *before: peer(*before, relay(server.socket, policy))


@pytest.fixture
def connect() -> Iterator[Callable[..., UnitModule]]:
    """Make modules that are closed at the end, whatever became of the test."""
    with ExitStack() as stack:
        yield lambda path, seconds=5.0: stack.enter_context(UnitModule(path, seconds=seconds))


@pytest.fixture
def session(server: Server) -> Iterator[Session]:
    """A read-write session of the client on the running server."""
    with UnitModule(server.socket) as module:
        yield module.open_session(LABEL, PIN, rw=True)


class Refused(Exception):
    """What both implementations say of a refusal: the CKR name in capitals without prefix and underscores."""


class WireToken:
    """The project's client behind the contract."""

    def __init__(self, server: Server) -> None:
        self._server = server
        server.start()
        self._module = UnitModule(server.socket)
        self._session: Session | None = None

    def do(self, name: str, *arguments: Any) -> Any:  # noqa: ANN401
        """Do one operation."""
        try:
            if name == "open_session":
                self._session = self._module.open_session(*arguments, rw=True)
                return None
            return getattr(self._session, name)(*arguments)
        except P11Error as error:
            raise Refused(error.name.removeprefix("CKR_").replace("_", "")) from error

    def close(self) -> None:
        """End it."""
        self._module.close()
        self._server.stop()


class InProcessToken:
    """python-pkcs11 in a child process behind the contract."""

    def __init__(self, server: Server, library: str = LIBRARY) -> None:
        self._child = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("inprocess.py")), library],
            env=server.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def do(self, name: str, *arguments: Any) -> Any:  # noqa: ANN401
        """Do one operation."""
        assert self._child.stdin
        assert self._child.stdout
        pickle.dump((name, arguments), self._child.stdin)
        self._child.stdin.flush()
        refusal, value = pickle.load(self._child.stdout)  # noqa: S301  (from our own child)
        if refusal:
            raise Refused({"NoSuchToken": "TokenNotPresent"}.get(refusal, refusal).upper())
        return value

    def close(self) -> None:
        """End it."""
        self._child.communicate(timeout=10)


@pytest.fixture(params=[WireToken, InProcessToken], ids=["wire", "in-process"])
def token(request: pytest.FixtureRequest, folder: Path) -> Iterator[WireToken | InProcessToken]:
    """An implementation on a fresh token, no session open yet."""
    token = request.param(new_token(folder))
    yield token
    token.close()


@pytest.fixture
def logged_in(token: WireToken | InProcessToken) -> WireToken | InProcessToken:
    """The same with a session open."""
    token.do("open_session", LABEL, PIN)
    return token


@pytest.fixture
def stock(server: Server) -> Iterator[InProcessToken]:
    """python-pkcs11 over the stock p11-kit-client.so, on the running server."""
    token = InProcessToken(server, STOCK_CLIENT)
    yield token
    token.close()
