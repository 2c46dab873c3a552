"""Interrupts, from the keyboard or by SIGTERM, held back where one would lose what has just been made.

A process that is started exists before the call that starts it returns, and Python interrupts calls.
Rejected: blocking the signal, which the child would inherit, and which any other thread would let through.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_BOTH = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held() -> Iterator[None]:
    """Hold an interrupt back until the block is done. Other threads than the first get none anyway."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda number, _frame: came.append(number)) for number in _BOTH}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for first in came[:1]:
            signal.raise_signal(first)


def interrupted_by_sigterm() -> None:
    """From now on SIGTERM, which a runner of CI sends, is an interrupt as ^C is."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
