"""Crash points chosen by hand: one line each, in the order of the rotation."""

from collections.abc import Sequence

from hil.targets.hpcs.emulator import Shape


def auto(shape: Shape, rows: int) -> Sequence[str]:
    """Crash points of auto-mk-rotate; ``rows``: rows in the key store, and so C_WrapKey calls."""
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
        "tke@message2.1-after",
        "tke@setimm.1-before",
        *(f"tke@setimm.{number}-after" for number in range(1, units + 1)),
        # the key management service dies
        "kms@C_WrapKey.1-before",
        f"kms@C_WrapKey.{rows // 2}-before",
        f"kms@C_WrapKey.{rows // 2}-after",
        f"kms@C_WrapKey.{rows}-after",
        "kms@rewrap.1-after",
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
        "tke@message1.1-after~tke@rewrap.1-after",
        f"kms@C_WrapKey.{rows // 2}-after~kms@C_WrapKey.1-after",
        "tke@message2.1-after~tke@setimm.1-after",
        "tke@setimm.1-after~tke@setimm.1-after",
    )


def parts(shape: Shape, rows: int) -> Sequence[str]:
    """Crash points of the key-part flow."""
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
