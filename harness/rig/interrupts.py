"""Interrupts from the keyboard, held back where one would lose something that has just been made.

A process that is started exists before the call that starts it returns, and Python interrupts calls.
Rejected: blocking the signal, which the child would inherit, and which any other thread would let through.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held() -> Iterator[None]:
    """Hold an interrupt back until the block is done. Other threads than the first get none anyway."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)
