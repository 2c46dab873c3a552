"""Profiles: which scenarios a campaign runs, one line a crash point."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from harness.model.scenario import Scenario
from harness.model.verdicts import Verdict
from harness.procedures import load
from harness.sut import Shape

FORBIDDEN = "rerun-after-message-1"


def documented(shape: Shape, rows: int) -> tuple[Scenario, ...]:
    """The kill points of a rotation, chosen by hand, each followed by the documented recovery; one control.

    ``rows`` is the number of rows in the key store, and so of C_WrapKey calls in a rewrap.
    """
    recovered = load.builtin("documented").expected
    lost = load.builtin(FORBIDDEN).expected
    return (
        *_scenarios("auto", _auto(shape, rows), "documented", recovered),
        *_scenarios("parts", _parts(shape, rows), "documented", recovered),
        *_scenarios("auto", _control(rows), FORBIDDEN, lost),
    )


PROFILES: Mapping[str, Callable[[Shape, int], tuple[Scenario, ...]]] = {"documented": documented}


def _scenarios(flow: str, points: Sequence[str], procedure: str, expected: Verdict) -> Iterator[Scenario]:
    return (Scenario.parse(f"{flow}/{point}/{procedure}", expected) for point in dict.fromkeys(points))


def _auto(shape: Shape, rows: int) -> Sequence[str]:
    units = len(shape.unit_types)
    copies = units - 1
    # The units that die: one that is operational, and the last recovery unit. Copies go to the other
    # recovery units first, then on by number; commit and set immediate go by number.
    operational, recovery = min(2, shape.operational), shape.operational + shape.recovery
    to_operational, to_recovery = shape.recovery - 1 + operational, max(1, shape.recovery - 1)
    return (
        # the operator's program dies
        "tke@query.1-before",
        f"tke@query.{units}-after",
        "tke@generate.1-before",
        "tke@generate.1-after",
        "tke@import.1-after",
        f"tke@import.{(copies + 1) // 2}-after",
        f"tke@import.{copies}-after",
        "tke@commit.1-after",
        f"tke@commit.{(units + 1) // 2}-after",
        f"tke@commit.{units}-after",
        "tke@message1.1-after",
        "tke@rewrap.1-before",
        "tke@rewrap.1-after",
        f"tke@C_WrapKey.{rows // 2}-after",
        "tke@rewrap-wait.1-after",
        "tke@message2.1-after",
        "tke@setimm.1-before",
        *(f"tke@setimm.{number}-after" for number in range(1, units + 1)),
        # the key management service dies
        "kms@C_WrapKey.1-before",
        f"kms@C_WrapKey.{rows // 2}-before",
        f"kms@C_WrapKey.{rows // 2}-after",
        f"kms@C_WrapKey.{rows}-after",
        "kms@rewrap-wait.1-after",
        # a crypto unit dies
        f"unit{operational}@import.{to_operational}-before",
        f"unit{operational}@import.{to_operational}-after",
        f"unit{operational}@commit.{operational}-before",
        f"unit{operational}@commit.{operational}-after",
        f"unit1@C_WrapKey.{rows // 2}-before",
        f"unit1@C_WrapKey.{rows // 2}-after",
        f"unit{operational}@setimm.{operational}-before",
        f"unit{operational}@setimm.{operational}-after",
        f"unit{recovery}@import.{to_recovery}-after",
        f"unit{recovery}@commit.{recovery}-after",
        f"unit{recovery}@C_WrapKey.{rows // 2}-after",
        f"unit{recovery}@setimm.{recovery}-before",
        f"unit{recovery}@setimm.{recovery}-after",
        *_again(units, rows),
    )


def _again(units: int, rows: int) -> Sequence[str]:
    """Something dies again during the recovery."""
    return (
        f"tke@commit.1-after~tke@commit.{units}-after",
        "tke@message1.1-after~tke@rewrap-wait.1-after",
        f"kms@C_WrapKey.{rows // 2}-after~kms@C_WrapKey.1-after",
        "tke@message2.1-after~tke@setimm.1-after",
        "tke@setimm.1-after~tke@setimm.1-after",
    )


def _parts(shape: Shape, rows: int) -> Sequence[str]:
    units = len(shape.unit_types)
    operational, recovery = min(2, shape.operational), shape.operational + shape.recovery
    return (
        "tke@load.1-after",
        f"tke@load.{(units + 1) // 2}-after",
        f"unit{operational}@load.{operational}-after",
        f"unit{recovery}@load.{recovery}-before",
        f"tke@commit.{(units + 1) // 2}-after",
        "tke@rewrap.1-before",
        f"tke@C_WrapKey.{rows // 2}-after",
        f"kms@C_WrapKey.{rows // 2}-after",
        f"unit1@C_WrapKey.{rows // 2}-after",
        "tke@message2.1-after",
        f"tke@setimm.{(units + 1) // 2}-after",
        f"unit{operational}@setimm.{operational}-after",
        f"unit{recovery}@setimm.{recovery}-before",
    )


def _control(rows: int) -> Sequence[str]:
    return (f"kms@C_WrapKey.{rows // 2}-after", "tke@rewrap-wait.1-after")
