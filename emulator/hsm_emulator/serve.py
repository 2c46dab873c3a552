"""Serve HTTP on a Unix socket: one process, one loop, no supervisor.

A supervisor would start a killed process again, and the crash under test would vanish. The loop reads
requests side by side, so that a slow client holds nobody up, and answers them one after the other in its own
thread, or each in a thread of its own. Signals are taken between two answers, never within one.
"""

import json
import logging
import selectors
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from hsm_emulator import notify
from hsm_emulator.wire import message
from hsm_emulator.wire.message import Malformed, Message

SUN_PATH_MAX = 107
READ_SECONDS = 30.0  # for a whole request
READING_MAX = 256  # connections that have not asked anything yet; one more ends the oldest
SEND_SECONDS = 10.0
GRACE_SECONDS = 1.0  # for answers that are under way when the end is asked for

log = logging.getLogger(__name__)

Json = dict[str, Any]
Answer = tuple[int, Json]  # HTTP status and body


@dataclass(frozen=True, slots=True)
class Request:
    """One request; ``query`` holds the last value of each name, ``bearer`` the Authorization field."""

    method: str
    path: str
    query: Mapping[str, str]
    bearer: str | None
    body: bytes


Handler = Callable[[Request], Answer]
Signals = Mapping[signal.Signals, Callable[[], None]]


def serve(
    handler: Handler, socket_path: Path, signals: Signals | None = None, *, aside: bool = False
) -> None:
    """Answer requests until SIGTERM or SIGINT. A stale socket file is replaced.

    ``signals``: what to do on others, also on one that was blocked until now. ``aside``: every request gets a
    thread of its own.
    """
    if len(str(socket_path).encode()) > SUN_PATH_MAX:
        raise SystemExit(f"socket path over {SUN_PATH_MAX} bytes, use a shorter folder: {socket_path}")
    socket_path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(socket_path))
        listener.listen(128)
        _Server(handler, listener, signals or {}, aside=aside).run()
    socket_path.unlink(missing_ok=True)


@dataclass(slots=True)
class _Reading:
    """A request that has not come completely yet."""

    deadline: float = field(default_factory=lambda: time.monotonic() + READ_SECONDS)
    reader: message.Reader = field(default_factory=message.Reader)


class _Server:
    def __init__(self, handler: Handler, listener: socket.socket, signals: Signals, *, aside: bool) -> None:
        self._handler = handler
        self._listener = listener
        self._ending = False
        self._signals = {signal.SIGTERM: self._end, signal.SIGINT: self._end, **signals}
        self._aside = aside
        self._threads: set[threading.Thread] = set()
        self._selector = selectors.DefaultSelector()
        self._reading: dict[socket.socket, _Reading] = {}

    def run(self) -> None:
        """Serve until the end is asked for."""
        came, comes = socket.socketpair()
        with came, comes, self._selector:
            for end in (came, comes, self._listener):
                end.setblocking(False)
            self._listen_to_signals(comes)
            self._selector.register(came, selectors.EVENT_READ, lambda: self._signalled(came))
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
            notify.ready()
            while not self._ending:
                for key, _ in self._selector.select(READ_SECONDS):
                    if not self._ending:
                        key.data()
                self._drop_the_silent()
            signal.set_wakeup_fd(-1)
            self._hang_up()

    def _listen_to_signals(self, comes: socket.socket) -> None:
        """Have the number of each signal written to a socket, so that the loop hears of it in its turn."""
        signal.set_wakeup_fd(comes.fileno())
        for number in self._signals:
            signal.signal(number, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self._signals)

    def _signalled(self, came: socket.socket) -> None:
        for number in dict.fromkeys(came.recv(4096)):
            if action := self._signals.get(signal.Signals(number)):
                action()

    def _end(self) -> None:
        self._ending = True

    def _accept(self) -> None:
        with suppress(BlockingIOError, ConnectionError):
            if len(self._reading) == READING_MAX:
                self._forget(next(iter(self._reading))).close()
            end, _ = self._listener.accept()
            end.setblocking(False)
            self._reading[end] = _Reading()
            self._selector.register(end, selectors.EVENT_READ, lambda: self._read(end))
            self._read(end)

    def _read(self, end: socket.socket) -> None:
        """Take what has come, and answer if that makes a request."""
        reading = self._reading[end]
        try:
            chunk = end.recv(message.CHUNK_BYTES)
            request = reading.reader.take(chunk) if chunk else None
        except BlockingIOError:
            return
        except Malformed as error:
            self._forget(end)
            _reply(end, (400, failure("BAD_REQUEST", str(error))))
        except OSError:
            self._forget(end).close()
        else:
            if request is not None:
                self._answer(self._forget(end), request)
            elif not chunk:
                self._forget(end).close()

    def _forget(self, end: socket.socket) -> socket.socket:
        """Read no more from a connection."""
        self._selector.unregister(end)
        del self._reading[end]
        return end

    def _drop_the_silent(self) -> None:
        now = time.monotonic()
        for end in [end for end, reading in self._reading.items() if reading.deadline < now]:
            self._read(end)  # it may have spoken while this process was stopped, or was busy
            if end in self._reading:
                self._forget(end).close()

    def _answer(self, end: socket.socket, request: Message) -> None:
        if not self._aside:
            _exchange(self._handler, end, request)
            return
        thread = threading.Thread(target=_exchange, args=(self._handler, end, request), daemon=True)
        self._threads = {other for other in self._threads if other.is_alive()} | {thread}
        thread.start()

    def _hang_up(self) -> None:
        """Close what has not asked anything yet, and give the answers that are under way a moment."""
        for end in list(self._reading):
            self._forget(end).close()
        deadline = time.monotonic() + GRACE_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def _exchange(handler: Handler, end: socket.socket, request: Message) -> None:
    """Answer one request."""
    method, target, _ = request.start
    path, _, query = target.partition("?")
    try:
        answer = handler(
            Request(
                method,
                unquote(path),
                dict(parse_qsl(query, keep_blank_values=True)) if query else {},
                request.fields.get("authorization"),
                request.body,
            )
        )
    except Exception:
        log.exception("%s %s ended by a defect of the service", method, path)
        answer = 500, failure("INTERNAL_ERROR", "the service has failed, see its log")
    _reply(end, answer)


def _reply(end: socket.socket, answer: Answer) -> None:
    """Send an answer and end the connection; a client that has gone has lost it."""
    status, body = answer
    start = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"
    with end, suppress(OSError):
        end.settimeout(SEND_SECONDS)
        end.sendall(message.encode(start, {}, json.dumps(body).encode()))


def failure(code: str, text: str) -> Json:
    """Return the body that tells of an error."""
    return {"error": {"code": code, "message": text}}
