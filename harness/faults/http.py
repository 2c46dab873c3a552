"""The exchange of a relay on a boundary that speaks HTTP: one request and one reply a connection."""

import http.client
import io
import json
import socket
from collections.abc import Callable

from harness.faults.conductor import Conductor, Passage
from harness.faults.relay import Exchange, peer_pid
from harness.model.faults import EventClass, Process

Namer = Callable[[str, str], str]


def exchange(
    conductor: Conductor, boundary: EventClass, client: Process, server: Process, event_name: Namer
) -> Exchange:
    """Return an exchange that orders each request; ``event_name(method, target)`` names it."""

    def run(downstream: socket.socket, upstream: socket.socket) -> None:
        pid = peer_pid(downstream)
        request = _message(downstream)
        method, target, _ = request.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        crossing = conductor.before(boundary, event_name(method, target), client, server, pid)
        if crossing.passes:
            upstream.sendall(request)
            reply = _message(upstream)
            crossing = conductor.after(crossing)
        if crossing.passage is Passage.ERROR:
            reply = _error(int(crossing.error))
        if crossing.passage is not Passage.DROP:
            downstream.sendall(reply)

    return run


def _error(status: int) -> bytes:
    """Return a whole reply with this status, as a gateway in front of the service would give it."""
    reason = http.client.responses[status]
    body = json.dumps({"error": {"code": reason.upper().replace(" ", "_"), "message": reason}}).encode()
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


def _message(end: socket.socket) -> bytes:
    """Read one HTTP message whose body, if any, has a Content-Length."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        raw += _some(end)
    head, _, body = raw.partition(b"\r\n\r\n")
    fields = http.client.parse_headers(io.BytesIO(head.partition(b"\r\n")[2] + b"\r\n\r\n"))
    length = int(fields.get("Content-Length", "0"))
    while len(body) < length:
        body += _some(end)
    return head + b"\r\n\r\n" + body


def _some(end: socket.socket) -> bytes:
    chunk = end.recv(65536)
    if not chunk:
        raise EOFError
    return chunk
