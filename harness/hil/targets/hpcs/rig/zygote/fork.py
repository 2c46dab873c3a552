"""What a forked child of a warm parent does to become the program that was asked for.

Needs nothing but the standard library and two modules of faults/watch, because it also runs in containers.
"""

import importlib
import os
import signal
import socket
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import NoReturn

from hil.faults.watch.filter import CannotWatch, install
from hil.faults.watch.prctl import die_with_parent, let_anyone_look

STREAMS = 3


def become(
    module: str,
    arguments: list[str],
    environment: Mapping[str, str],
    descriptors: Sequence[int],
    parent: int,
) -> NoReturn:
    """Turn this process into ``module.main(arguments)``; it dies with ``parent``.

    The first three descriptors become 0, 1 and 2. A fourth one is a socket, and asks for a process whose
    system calls are watched: it is sent the listener, or else the reason why there is none.
    """
    die_with_parent()
    if os.getppid() != parent:
        os._exit(1)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for target, descriptor in enumerate(descriptors[:STREAMS]):
        os.dup2(descriptor, target)
        os.close(descriptor)
    values = dict(environment)  # it may be that of this process
    os.environ.clear()
    os.environ.update(values)
    for watcher in descriptors[STREAMS:]:
        _be_watched(socket.socket(fileno=watcher))
    code = _run(module, arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _be_watched(bench: socket.socket) -> None:
    """Put this process under the filter of system calls and hand its listener over."""
    with bench:
        try:
            listener = install()
        except CannotWatch as error:
            bench.send(str(error).encode())
            os._exit(1)
        # Where Yama is, only an ancestor looks into a process, and of one in a container the bench is none.
        let_anyone_look()
        socket.send_fds(bench, [b"listener"], [listener])
        os.close(listener)


def _run(module: str, arguments: list[str]) -> int:
    try:
        return int(importlib.import_module(module).main(arguments))
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(ended.code + "\n")
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
