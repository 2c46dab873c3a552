"""The warm parent itself: ``python -m hil.targets.hpcs.rig.zygote.server FD``.

Reads requests from a socket, one message each: JSON of module, arguments and environment, with three
descriptors attached. Answers ``{"pid": n}``, or ``{"errno": n}`` where the kernel makes no process,
and ``{"pid": n, "code": n}`` when that process has ended.
A fourth descriptor is a socket, and asks for a process whose system calls are watched: just before it becomes
the program it sends the listener there, or else the reason why there is none, and ends.

It reaps what its children leave when they are killed: the PKCS#11 door of a crypto unit is two processes and
more, which would go to the first process of the machine, and in a container that one may reap nobody. When
the bench has gone it ends everybody, and then itself.
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
from pathlib import Path

from hil.faults.watch import prctl
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.rig.zygote.fork import STREAMS, become
from hil.targets.hpcs.rig.zygote.warm import warm_up

COLLECT_AFTER = 20_000
REQUEST_BYTES_MAX = 64 * 1024
END_SECONDS = 10
CHILDREN = Path("/proc/thread-self/children")


def main(argv: list[str]) -> int:
    """Serve until the other end of the socket closes."""
    prctl.adopt_orphans()
    for program in sut.PROGRAMS:
        importlib.import_module(program)
    warm_up()
    gc.freeze()  # what is shared with the children stays shared
    gc.set_threshold(COLLECT_AFTER)  # they live for one command, or one scenario
    ended, wake = socket.socketpair()
    for end in (ended, wake):
        end.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    bench = socket.socket(fileno=int(argv[0]))
    started: set[int] = set()
    with selectors.DefaultSelector() as selector:
        selector.register(bench, selectors.EVENT_READ)
        selector.register(ended, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is ended:
                    ended.recv(4096)
                    _report(bench, started)
                elif not _serve(bench, started):
                    _end_all()
                    return 0


def _serve(bench: socket.socket, started: set[int]) -> bool:
    """Answer one request, and note whom it has ``started``; False where the bench has gone."""
    try:
        raw, descriptors, _, _ = socket.recv_fds(bench, REQUEST_BYTES_MAX, STREAMS + 1)
    except ConnectionResetError:  # it had not read all answers
        return False
    if not raw:
        return False
    parent, request = os.getpid(), json.loads(raw)
    for module in request["needs"]:
        importlib.import_module(module)
    # Whoever hears of the process may kill its group at once, so the group has to be there by then.
    leads, led = os.pipe()
    try:
        pid = os.fork()
    except OSError as error:  # of a limit, or want of memory: those that run are not to die of it
        for descriptor in (leads, led, *descriptors):
            os.close(descriptor)
        bench.send(json.dumps({"errno": error.errno}).encode())
        return True
    if pid == 0:
        os.setsid()
        for descriptor in (leads, led):
            os.close(descriptor)
        bench.close()
        become(request["module"], request["arguments"], request["environment"], descriptors, parent)
    started.add(pid)
    os.close(led)
    os.read(leads, 1)
    for descriptor in (leads, *descriptors):
        os.close(descriptor)
    with contextlib.suppress(BrokenPipeError):  # told by the next look at the socket
        bench.send(json.dumps({"pid": pid}).encode())
    return True


def _report(bench: socket.socket, started: set[int]) -> None:
    """Reap everybody who has ended, and tell of those who were ``started`` for the bench."""
    with contextlib.suppress(ChildProcessError, BrokenPipeError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            if pid in started:
                started.discard(pid)
                bench.send(json.dumps({"pid": pid, "code": os.waitstatus_to_exitcode(status)}).encode())


def _end_all() -> None:
    """Kill and reap all children, and those whom these leave."""
    signal.alarm(END_SECONDS)  # whom even SIGKILL does not end is left to the kernel
    with contextlib.suppress(ChildProcessError):
        while True:
            for pid in map(int, CHILDREN.read_text().split()):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(-1, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
