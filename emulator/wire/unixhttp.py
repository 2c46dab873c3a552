"""A client for HTTP/1.1 with JSON bodies over a Unix socket.

Built on http.client because it never retries: a library that resends a request when a kept-alive
connection turns out to be dead would replay a command that changes a register. One connection a request.
"""

import http.client
import json
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]


class Unreachable(Exception):
    """No complete answer came: socket absent, connection refused or broken, or the deadline passed.

    The request may or may not have taken effect.
    """


@dataclass(frozen=True)
class Reply:
    """Status code and decoded JSON body of an answer."""

    status: int
    body: Json

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def message(self) -> str:
        """The error text of the body, empty where there is none."""
        error = self.body.get("error", {})
        return str(error.get("message", "")) if isinstance(error, dict) else str(error)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def request(
    socket_path: Path,
    method: str,
    target: str,
    body: Json | None = None,
    *,
    token: str | None = None,
    seconds: float = 30.0,
) -> Reply:
    """Send one request and return its reply; ``seconds`` bounds each wait on the socket.

    Raises:
        Unreachable: see there; never sent twice.
    """
    connection = _UnixConnection(socket_path, seconds)
    headers = {"Connection": "close", "Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        with suppress(BrokenPipeError):  # a server may refuse before it has read the body, its answer counts
            connection.request(method, target, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        raw = answer.read()
        return Reply(answer.status, json.loads(raw) if raw else {})
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise Unreachable(f"{socket_path}: {reason}") from error
    finally:
        connection.close()
