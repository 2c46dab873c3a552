"""The exchange of a relay on the PKCS#11 wire between kms and a crypto unit.

Requests that the client has sent ahead are taken one by one: call k+1 reaches the unit only after the reply
to call k has passed. That costs the pipelining, and buys that "after call k" is one state and not several.
Where the conductor has adjourned for good the connection is passed on as it is until its end.

Rejected: SO_RCVLOWAT, to read in one piece the reply that p11-kit writes in two. Where replies follow each
other the last piece can be shorter than that mark, and then nobody ever reads it.
"""

import socket
from collections.abc import Iterator

from hil.model.faults import EventClass, Process
from hil.targets.hpcs.boundaries.conductor import Conductor
from hil.targets.hpcs.boundaries.crossing import Passage
from hil.targets.hpcs.boundaries.relay import Exchange, pass_on, peer_pid
from hsm_emulator.wire.constants import Rv
from hsm_emulator.wire.frames import Frame, FrameReader, call_name, error_reply


def exchange(conductor: Conductor, client: Process, server: Process) -> Exchange:
    """Return an exchange that orders every PKCS#11 call by its name."""

    def run(downstream: socket.socket, upstream: socket.socket) -> None:
        pid = peer_pid(downstream)
        requests, replies = _Stream(downstream), _Stream(upstream)
        upstream.sendall(requests.version())
        downstream.sendall(replies.version())
        answers = replies.frames()
        for request in requests.frames():
            if conductor.adjourned:
                upstream.sendall(request.encode())
                if conductor.over and requests.at_rest:
                    pass_on(downstream, upstream)
                    return
                downstream.sendall(next(answers).encode())
                continue
            crossing = conductor.before(EventClass.PKCS11, call_name(request), client, server, pid)
            if crossing.passes:
                with conductor.under_way(crossing):
                    try:
                        upstream.sendall(request.encode())
                        reply = next(answers)
                    except (OSError, EOFError):
                        conductor.lost(crossing)
                        raise
                    crossing = conductor.after(crossing)
            if crossing.passage is Passage.DROP:
                raise EOFError
            if crossing.passage is Passage.ERROR:
                reply = error_reply(request, Rv[crossing.error.removeprefix("CKR_")])
            downstream.sendall(reply.encode())

    return run


class _Stream:
    """One direction of a connection: its version byte, then its frames."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._reader = FrameReader()
        self._ready: list[Frame] = []

    def version(self) -> bytes:
        while self._reader.version is None:
            self._more()
        return bytes([self._reader.version])

    def frames(self) -> Iterator[Frame]:
        """Yield frames; EOFError where the connection ends."""
        while True:
            while self._ready:
                yield self._ready.pop(0)
            self._more()

    @property
    def at_rest(self) -> bool:
        """Whether all that was read has been yielded."""
        return not (self._ready or self._reader.pending)

    def _more(self) -> None:
        data = self._end.recv(65536)
        if not data:
            raise EOFError
        self._ready += self._reader.feed(data)
