"""The server of both services: who waits for whom, and when signals are taken."""

import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import tenacity

from hsm_emulator import serve
from hsm_emulator.wire import unixhttp

PROGRAM = Path(__file__).with_name("served.py")


class Served:
    """A process that serves on ``path``; ``say`` lets it go on, ``heard`` is what it prints."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.path = folder / "s"
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(self.path), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.heard() == "ready"

    def say(self) -> None:
        """Let the process go on from where it waits for a line."""
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def heard(self) -> str:
        """Return the next line that the process prints."""
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def get(self, target: str) -> unixhttp.Reply:
        """Send one whole request."""
        return unixhttp.request(self.path, "GET", target, seconds=10)

    def connect(self, raw: bytes) -> socket.socket:
        """Connect and send ``raw``."""
        end = socket.socket(socket.AF_UNIX)
        end.settimeout(10)
        end.connect(str(self.path))
        end.sendall(raw)
        return end

    @tenacity.retry(wait=tenacity.wait_fixed(0.005), stop=tenacity.stop_after_delay(10), reraise=True)
    def ready(self) -> None:
        """Poll until it answers."""
        self.get("/")


@pytest.fixture
def started() -> Iterator[Callable[..., Served]]:
    """Start processes that serve, and end them."""
    with tempfile.TemporaryDirectory(prefix="srv-", dir="/tmp") as folder, ExitStack() as stack:

        def start(*options: str) -> Served:
            served = Served(Path(folder), *options)
            stack.callback(served.process.communicate, timeout=10)
            stack.callback(served.process.kill)
            return served

        yield start


@pytest.fixture
def served(started: Callable[..., Served]) -> Served:
    """A process that answers one request after the other."""
    served = started()
    served.say()
    served.ready()
    return served


def test_request_is_taken_apart(served: Served) -> None:
    """Path and query come decoded, the body as it was sent."""
    reply = unixhttp.request(served.path, "POST", "/a%20b?c=d&c=e&f=", {"g": 1})
    assert reply.body == {"path": "/a b", "query": {"c": "e", "f": ""}, "body": '{"g": 1}'}


def test_slow_sender_holds_nobody_up(served: Served) -> None:
    """While one client has sent half a request another is answered, and then the first is."""
    with closing(served.connect(b"GET /first HTTP/1.1\r\nHo")) as slow:
        assert served.get("/second").ok
        slow.sendall(b"st: x\r\n\r\n")
        assert slow.recv(64).startswith(b"HTTP/1.1 200 OK")


def test_silent_clients_shut_nobody_out(served: Served) -> None:
    """However many connect and say nothing, one who asks is answered; the oldest of them are let go."""
    with ExitStack() as stack:
        silent = []
        for _ in range(serve.READING_MAX + 20):
            silent.append(stack.enter_context(closing(served.connect(b""))))
            assert served.get("/asked").ok
        assert silent[0].recv(64) == b""
        silent[-1].sendall(b"GET /late HTTP/1.1\r\nHost: x\r\n\r\n")
        assert silent[-1].recv(64).startswith(b"HTTP/1.1 200 OK")


def test_bad_requests_and_defects_are_answered(served: Served) -> None:
    """What is no request is 400, a handler that fails is 500, a client that leaves is nothing."""
    with closing(served.connect(b"GET /\r\n\r\n")) as bad:
        assert bad.recv(64).startswith(b"HTTP/1.1 400 ")
    assert served.get("/defect").status == 500
    served.connect(b"GET").close()
    assert served.get("/after").ok


def test_signal_waits_for_the_answer(served: Served) -> None:
    """A signal that comes in the middle of an answer is taken after it, an end likewise."""
    with closing(served.connect(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")) as client:
        assert served.heard() == "slow"
        served.process.send_signal(signal.SIGUSR1)
        served.process.send_signal(signal.SIGTERM)
        served.say()
        assert client.recv(64).startswith(b"HTTP/1.1 200 OK")
    assert served.heard() == "signalled"
    assert served.process.wait(10) == 0
    assert not served.path.exists()


def test_signal_of_before_is_kept(started: Callable[..., Served]) -> None:
    """A signal that was blocked until the process serves is taken then."""
    served = started()
    served.process.send_signal(signal.SIGUSR1)
    served.say()
    assert served.heard() == "signalled"


def test_answers_aside(started: Callable[..., Served]) -> None:
    """With a thread for each request, others are answered while one takes long."""
    served = started("aside")
    served.say()
    served.ready()
    with closing(served.connect(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")) as client:
        assert served.heard() == "slow"
        assert served.get("/other").ok
        served.say()
        assert client.recv(64).startswith(b"HTTP/1.1 200 OK")
