"""The exchange of a relay on a boundary that speaks HTTP: one request and one reply a connection.

Of a request nothing is read but its first line, which names the event. It is passed on as it comes, and so is
the reply, which ends its connection. Both ends read the messages; reading them here as well took 10 ms of a
scenario.
"""

import json
import select
import socket
from collections.abc import Callable
from http import HTTPStatus

from hil.model.faults import EventClass, Process
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.boundaries.conductor import Conductor
from hil.targets.hpcs.boundaries.crossing import Passage
from hil.targets.hpcs.boundaries.relay import UPSTREAM_SECONDS, Exchange, peer_pid
from hsm_emulator.wire import message

Namer = Callable[[str, str], str]


def exchange(
    conductor: Conductor, boundary: EventClass, client: Process, server: Process, event_name: Namer
) -> Exchange:
    """Return an exchange that orders each request; ``event_name(method, target)`` names it."""

    def run(downstream: socket.socket, upstream: socket.socket) -> None:
        pid = peer_pid(downstream)
        request = _begun(downstream)
        method, target = _first_line(request)
        crossing = conductor.before(boundary, event_name(method, target), client, server, pid)
        if crossing.passes:
            with conductor.under_way(crossing):
                upstream.sendall(request)
                reply = _reply(downstream, upstream)
                crossing = conductor.after(crossing)
        if crossing.passage is Passage.ERROR:
            reply = _error(int(crossing.error))
        if crossing.passage is Passage.DROP:
            raise EOFError
        downstream.sendall(reply)

    return run


def _begun(downstream: socket.socket) -> bytes:
    """Return a request up to its first line, or more; EOFError where it ends before."""
    request = b""
    while b"\r\n" not in request:
        chunk = downstream.recv(message.CHUNK_BYTES)
        if not chunk:
            raise EOFError
        request += chunk
        if len(request) > message.HEAD_BYTES_MAX:
            break
    return request


def _first_line(request: bytes) -> tuple[str, str]:
    """Return method and target of a request."""
    words = request.partition(b"\r\n")[0].decode("latin-1").split(" ")
    if len(words) != len(("method", "target", "version")):
        raise message.Malformed("a request without a request line")
    return words[0], words[1]


def _reply(downstream: socket.socket, upstream: socket.socket) -> bytes:
    """Return the whole reply, and pass on meanwhile what is left of the request; EOFError: there is none."""
    poll = select.poll()
    poll.register(upstream, select.POLLIN)
    poll.register(downstream, select.POLLIN)
    reply = b""
    while ready := poll.poll(UPSTREAM_SECONDS * 1000):
        if any(number == upstream.fileno() for number, _ in ready):
            chunk = upstream.recv(message.CHUNK_BYTES)
            if not chunk:
                break
            reply += chunk
        elif chunk := downstream.recv(message.CHUNK_BYTES):
            upstream.sendall(chunk)
        else:
            poll.unregister(downstream)
            upstream.shutdown(socket.SHUT_WR)  # the client has gone, or sends no more
    if not (ready and reply):
        raise EOFError
    return reply


def _error(status: int) -> bytes:
    """Return a whole reply with this status, as a gateway in front of the service would give it.

    Of an expired token it has the documented words; of other errors no document tells any.
    """
    reason = HTTPStatus(status).phrase
    text = sut.UNAUTHORIZED if status == HTTPStatus.UNAUTHORIZED else reason
    body = json.dumps({"error": {"code": reason.upper().replace(" ", "_"), "message": text}}).encode()
    return message.encode(f"HTTP/1.1 {status} {reason}", {}, body)
