"""Interrupts that are held back."""

import signal
import threading

import pytest

from hil.targets.hpcs.rig.process.interrupts import held


def test_an_interrupt_comes_after_the_block() -> None:
    """What is in the block is done whole, and then the interrupt has its effect, once."""
    done = []

    def interrupted() -> None:
        with held():
            signal.raise_signal(signal.SIGINT)
            done.append("the whole block")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done == ["the whole block"]
    with held():
        done.append("without one")
    assert done == ["the whole block", "without one"]


def test_the_handler_is_the_one_of_before() -> None:
    """Outside of the block interrupts do what they did, also after an error in it."""
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="mine"), held():
        raise ValueError("mine")
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread() -> None:
    """Where no interrupt can come the block just runs."""
    done = threading.Event()

    def work() -> None:
        with held():
            done.set()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert done.is_set()
