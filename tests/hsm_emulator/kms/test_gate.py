"""The gate, with threads that meet at events and never sleep."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from hsm_emulator.kms.errors import Code, KmsError
from hsm_emulator.kms.gate import WorkloadGate


def test_open_rotation_keeps_workloads_out() -> None:
    """While a rotation is open nobody enters."""
    with pytest.raises(KmsError) as refused, WorkloadGate(1).workload(lambda: True):
        pytest.fail("the gate let a workload in")
    assert refused.value.code is Code.ROTATION_IN_PROGRESS


def test_a_closed_gate_keeps_newcomers_out() -> None:
    """While a rewrap request decides, no workload begins."""
    gate = WorkloadGate(1)
    with gate.closed(), pytest.raises(KmsError) as refused, gate.workload(lambda: False):
        pytest.fail("the gate let a newcomer in")
    assert refused.value.code is Code.ROTATION_IN_PROGRESS


def test_closing_waits_for_those_inside() -> None:
    """A rewrap request proceeds only after the workload that is inside has left."""
    gate, inside, leave, order = WorkloadGate(10), threading.Event(), threading.Event(), []

    def work() -> None:
        with gate.workload(lambda: False):
            inside.set()
            assert leave.wait(10)
            order.append("workload left")

    def close() -> None:
        with gate.closed():
            order.append("closed")

    with ThreadPoolExecutor(2) as pool:
        working = pool.submit(work)
        assert inside.wait(10)
        closing = pool.submit(close)
        leave.set()
        working.result(10)
        closing.result(10)
    assert order == ["workload left", "closed"]


def test_closing_gives_up_on_a_stuck_workload_and_opens_again() -> None:
    """A workload that does not end makes the request fail, and others may enter afterwards."""
    gate = WorkloadGate(0)
    with gate.workload(lambda: False), pytest.raises(KmsError) as refused, gate.closed():
        pytest.fail("the gate closed over a workload")
    assert refused.value.code is Code.BUSY
    with gate.workload(lambda: False):
        pass


def test_a_failed_workload_leaves_the_gate() -> None:
    """An exception inside does not keep the gate from closing later."""
    gate = WorkloadGate(0)
    with pytest.raises(ZeroDivisionError), gate.workload(lambda: False):
        raise ZeroDivisionError
    with gate.closed():
        pass
