"""The gate of a campaign and its exit codes."""

from itertools import product

import pytest

from hil.model.verdicts import EXIT_OF_GATE, Exit, Gate, Verdict, gate

OK = (Verdict.RECOVERED, Verdict.RECOVERED)
CONTROL = (Verdict.DATA_LOST, Verdict.DATA_LOST)
LOST = (Verdict.DATA_LOST, Verdict.RECOVERED)
STUCK = (Verdict.STUCK, Verdict.RECOVERED)
HARMLESS = (Verdict.RECOVERED, Verdict.DATA_LOST)  # a control that did not do its damage
MISSED = (Verdict.NOT_FIRED, Verdict.RECOVERED)
BROKEN = (Verdict.HARNESS_ERROR, Verdict.RECOVERED)


@pytest.mark.parametrize(
    ("pairs", "planned", "expected"),
    [
        ([OK], 1, Gate.PASS),
        ([OK, CONTROL], 2, Gate.PASS),
        ([OK, LOST], 2, Gate.FAIL),
        ([OK, STUCK], 2, Gate.FAIL),
        ([OK, HARMLESS], 2, Gate.FAIL),
        ([OK, MISSED], 2, Gate.INCONCLUSIVE),
        ([OK], 2, Gate.INCONCLUSIVE),
        ([], 0, Gate.INCONCLUSIVE),
        ([OK, BROKEN], 2, Gate.ERROR),
        ([BROKEN], 2, Gate.ERROR),
        ([MISSED, BROKEN], 2, Gate.ERROR),
        ([MISSED, LOST], 2, Gate.FAIL),
        ([BROKEN, LOST], 2, Gate.FAIL),
        ([LOST], 2, Gate.FAIL),
        ([BROKEN, MISSED, LOST, OK], 9, Gate.FAIL),
    ],
)
def test_gate(pairs: list[tuple[Verdict, Verdict]], planned: int, expected: Gate) -> None:
    """A contradiction outranks a failure of the bench, and that a fault that was not reached."""
    assert gate(pairs, planned) is expected


def test_outcomes_and_controls_count() -> None:
    """An outcome that nobody predicted contradicts; without the promised controls nothing is proven."""
    assert gate([OK], 1, foreseen=False) is Gate.FAIL
    assert gate([OK], 1, controlled=False) is Gate.INCONCLUSIVE
    assert gate([BROKEN], 1, controlled=False) is Gate.ERROR
    assert gate([LOST], 1, controlled=False) is Gate.FAIL


def test_a_failed_probe_is_a_contradiction() -> None:
    """An instance that takes what it must refuse fails the gate, whatever the scenarios showed."""
    assert gate([OK], 1, probed=False) is Gate.FAIL
    assert gate([BROKEN], 2, probed=False) is Gate.FAIL


def test_gate_does_not_depend_on_order() -> None:
    """Whatever three scenarios showed, the order in which they ended does not matter."""
    everything = (OK, CONTROL, LOST, MISSED, BROKEN)
    for triple in product(everything, repeat=3):
        assert gate(triple, 3) is gate(sorted(triple), 3)


def test_a_worse_scenario_never_betters_the_gate() -> None:
    """Adding a scenario to a campaign can only keep its gate or worsen it."""
    order = [Gate.PASS, Gate.INCONCLUSIVE, Gate.ERROR, Gate.FAIL]
    everything = (OK, CONTROL, LOST, STUCK, MISSED, BROKEN)
    for pair, more in product(product(everything, repeat=2), everything):
        assert order.index(gate((*pair, more), 3)) >= order.index(gate(pair, 2))


@pytest.mark.parametrize(
    ("judged", "code"),
    [(Gate.PASS, 0), (Gate.FAIL, 1), (Gate.INCONCLUSIVE, 2), (Gate.ERROR, 70)],
)
def test_exit_codes(judged: Gate, code: int) -> None:
    """Every gate has the exit code that CI was promised."""
    assert EXIT_OF_GATE[judged] == code


def test_usage_and_interrupt_have_codes_of_their_own() -> None:
    """Bad arguments and an interrupt are told from every verdict."""
    assert (Exit.USAGE, Exit.INTERRUPTED) == (64, 130)
    assert not {Exit.USAGE, Exit.INTERRUPTED} & set(EXIT_OF_GATE.values())
