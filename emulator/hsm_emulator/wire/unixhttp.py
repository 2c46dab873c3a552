"""A client for HTTP/1.1 with JSON bodies over a Unix socket.

It never retries: a library that resends a request when a kept-alive connection turns out to be dead would
replay a command that changes a register. One connection a request.
"""

import json
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hsm_emulator.wire import message

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


def request(
    socket_path: Path,
    method: str,
    target: str,
    body: Json | None = None,
    *,
    token: str | None = None,
    seconds: float = 30.0,
) -> Reply:
    """Send one request and return its reply, within ``seconds``.

    Raises:
        Unreachable: see there; never sent twice.
    """
    fields = {"Host": "localhost"} | ({"Authorization": f"Bearer {token}"} if token else {})
    content = json.dumps(body).encode() if body is not None else b""
    raw = message.encode(f"{method} {target} HTTP/1.1", fields, content)
    deadline = time.monotonic() + seconds
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:
            end.settimeout(seconds)
            end.connect(str(socket_path))
            with suppress(ConnectionError):  # a server may refuse before it has read all, its answer counts
                end.sendall(raw)
            answer = message.receive(end, deadline)
        return Reply(int(answer.start[1]), json.loads(answer.body) if answer.body else {})
    except (OSError, EOFError, message.Malformed, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise Unreachable(f"{socket_path}: {reason}") from error
