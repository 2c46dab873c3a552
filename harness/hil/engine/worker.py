"""A worker: a process with a place of its own that plays one scenario after the other.

It says of each order what came of it, or that the machine has disturbed it. It ends when its pipe closes,
also because the campaign was killed, and leaves nothing behind. An interrupt from the keyboard is the
campaign's to handle, so a worker ignores it.
"""

import gc
import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import Connection

from hil.engine.target import Places

COLLECT_AFTER = 20_000  # new objects: nothing of a scenario is left after it, and little of it is cyclic


def work(places: Places, name: str, golden: object, pipe: Connection) -> None:
    """Carry out every Order that comes through ``pipe`` and answer each, until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _terminated)
    threading.Thread(target=_follow_the_bench, name="bench", daemon=True).start()
    place = places.place(name, golden)
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    try:
        while True:
            pipe.send(place.carry_out(pipe.recv()))
    except (EOFError, BrokenPipeError):
        return
    finally:
        place.close()


def _follow_the_bench() -> None:
    """End this worker when the campaign has died, also in the middle of a scenario."""
    bench = multiprocessing.parent_process()
    if bench is None:
        raise AssertionError
    bench.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _terminated(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one would cut short what the first one began
    raise SystemExit(1)
