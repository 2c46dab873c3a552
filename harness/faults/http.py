"""The exchange of a relay on a boundary that speaks HTTP: one request and one reply a connection."""

import json
import socket
from collections.abc import Callable
from http import HTTPStatus

from emulator.wire import message
from harness.faults.conductor import Conductor
from harness.faults.crossing import Passage
from harness.faults.relay import Exchange, peer_pid
from harness.model.faults import EventClass, Process

Namer = Callable[[str, str], str]


def exchange(
    conductor: Conductor, boundary: EventClass, client: Process, server: Process, event_name: Namer
) -> Exchange:
    """Return an exchange that orders each request; ``event_name(method, target)`` names it."""

    def run(downstream: socket.socket, upstream: socket.socket) -> None:
        pid = peer_pid(downstream)
        request, asked = message.receive(downstream)
        method, target, _ = asked.start
        crossing = conductor.before(boundary, event_name(method, target), client, server, pid)
        if crossing.passes:
            with conductor.under_way(crossing):
                upstream.sendall(request)
                reply, _ = message.receive(upstream)
                crossing = conductor.after(crossing)
        if crossing.passage is Passage.ERROR:
            reply = _error(int(crossing.error))
        if crossing.passage is not Passage.DROP:
            downstream.sendall(reply)

    return run


def _error(status: int) -> bytes:
    """Return a whole reply with this status, as a gateway in front of the service would give it."""
    reason = HTTPStatus(status).phrase
    body = json.dumps({"error": {"code": reason.upper().replace(" ", "_"), "message": reason}}).encode()
    return message.encode(f"HTTP/1.1 {status} {reason}", {}, body)
