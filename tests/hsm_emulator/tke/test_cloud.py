"""How the workstation asks for the rewrap: what is sent, and how long an answer is waited for."""

import json
import socketserver
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from hsm_emulator.instance import Instance
from hsm_emulator.tke.cloud import Cloud
from hsm_emulator.tke.errors import Failed

if TYPE_CHECKING:
    from tests.hsm_emulator.tke.rig import Rig

PATTERN = "ab" * 32


class Service(socketserver.ThreadingUnixStreamServer):
    """A service that answers with the given states of a job, one a request, and notes the requests."""

    daemon_threads = True

    def __init__(self, path: Path, states: list[str]) -> None:
        super().__init__(str(path), _Answer)
        self.states = states
        self.seen: list[tuple[str, float]] = []


class _Answer(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        split = urlsplit(self.path)
        assert split.path == "/api/v2/rotation/rewrap"
        self.server.seen.append((self.command, float(parse_qs(split.query)["wait"][0])))
        job = {"state": self.server.states.pop(0), "to": PATTERN[:32], "error": None}
        body = json.dumps({"job": job}).encode()
        self.send_response(202 if job["state"] == "running" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - named by the base class

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def cloud(*states: str) -> Iterator[tuple[Cloud, Service]]:
    """Yield a client of a service that answers with these states."""
    with tempfile.TemporaryDirectory(prefix="tke-", dir="/tmp") as folder:
        path = Path(folder) / "kms.sock"
        with Service(path, list(states)) as service:
            threading.Thread(target=service.serve_forever, args=(0.01,), daemon=True).start()
            yield Cloud(Instance("i", "r", "g", "a", "u", str(path), ()), "token", 10), service
            service.shutdown()


def test_one_request_is_enough_where_the_rewrap_is_quick() -> None:
    """The request that starts the rewrap waits for its end, and nothing is asked after that."""
    with cloud("done") as (client, service):
        client.rewrap(PATTERN, 3600)
        assert service.seen == [("POST", 20)]


def test_a_long_rewrap_is_started_once_and_then_looked_at() -> None:
    """While the job runs it is looked at again, never requested again."""
    with cloud("running", "running", "done") as (client, service):
        client.rewrap(PATTERN, 3600)
        assert service.seen == [("POST", 20), ("GET", 20), ("GET", 20)]


def test_nothing_is_waited_for_beyond_the_deadline() -> None:
    """Each wait ends with the deadline of the whole rewrap, and after it the command says that it gave up."""
    with cloud(*["running"] * 10_000) as (client, service):
        with pytest.raises(Failed, match=r"not finished after 0\.05 seconds"):
            client.rewrap(PATTERN, 0.05)
        waits = [wait for _, wait in service.seen]
        assert waits[0] == 0.05
        assert waits == sorted(waits, reverse=True)


def test_the_service_answers_when_the_rewrap_has_ended(rig: "Rig") -> None:
    """The real service and this client understand each other: back from rewrap, every row is done."""
    rig.load()
    rig.commit()
    instance = Instance("i", "r", "g", "a", "u", str(rig.sockets / "kms.sock"), ())
    pattern = str(rig.unit(1)["registers"]["new"]["pattern"])
    Cloud(instance, rig.token(), 10).rewrap(pattern, 60)
    assert list(rig.rows()) == [pattern[:32]]
