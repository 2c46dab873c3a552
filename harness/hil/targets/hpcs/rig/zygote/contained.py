"""The first process of a container: the warm parent of the one program that runs there.

``python -m hil.targets.hpcs.rig.zygote.contained MODULE SOCKET`` imports the module, connects to the bench
at the socket
and does what it is sent there, one message each: ``start`` with the arguments of the program and its
descriptors, ``hangup``, ``end``. Answers ``{"code": n}`` when the program has ended, by itself or not, and
``{"alone": true}`` when ``end`` has left nobody but itself.

It ends when the bench has gone, and everything in the container with it. Killed from outside it takes
everything along as well, as the kernel does with the first process of an id space. So a program that has to
be another one (watched, or no more) costs a fork, and only a kill costs the start of a container.
"""

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Mapping

from hil.targets.hpcs.rig.zygote.fork import STREAMS, become

MESSAGE_BYTES_MAX = 64 * 1024
EVERYONE = -1  # of kill(2): every process but the first one


class Parent:
    """The warm parent of ``module``; ``child`` is the program, where it runs."""

    def __init__(self, module: str, bench: socket.socket) -> None:
        self._module = module
        self._bench = bench
        self._child = 0

    def obey(self) -> bool:
        """Take one message; False where the bench has gone."""
        raw, descriptors, _, _ = socket.recv_fds(self._bench, MESSAGE_BYTES_MAX, STREAMS + 1)
        if not raw:
            return False
        order = json.loads(raw)
        match order["order"]:
            case "start":
                self._start(order["arguments"], descriptors)
            case "hangup" if self._child:
                os.kill(self._child, signal.SIGHUP)
            case "end":
                with contextlib.suppress(ProcessLookupError):
                    os.kill(EVERYONE, signal.SIGKILL)
                self.reap(0)
                self._tell({"alone": True})
        return True

    def reap(self, options: int = os.WNOHANG) -> None:
        """Reap whoever has ended, orphans too, and tell of the program; 0: of everyone."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, options)
                if pid == 0:
                    return
                if pid == self._child:
                    self._child = 0
                    self._tell({"code": os.waitstatus_to_exitcode(status)})

    def _tell(self, message: Mapping[str, object]) -> None:
        self._bench.send(json.dumps(message).encode())

    def _start(self, arguments: list[str], descriptors: list[int]) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.setsid()
            self._bench.close()
            become(self._module, arguments, os.environ, descriptors, parent)
        self._child = pid
        for descriptor in descriptors:
            os.close(descriptor)


def main(argv: list[str]) -> int:
    """Serve until the other end of the socket closes."""
    module, path = argv
    gc.disable()  # a tenth of the time of the imports, in which nothing becomes garbage
    importlib.import_module(module)
    gc.freeze()  # what is shared with the program stays shared
    gc.enable()
    ended, wake = socket.socketpair()
    for end in (ended, wake):
        end.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as bench,
        selectors.DefaultSelector() as selector,
    ):
        bench.connect(path)
        parent = Parent(module, bench)
        selector.register(bench, selectors.EVENT_READ)
        selector.register(ended, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is ended:
                    ended.recv(4096)
                    parent.reap()
                elif not parent.obey():
                    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
