"""Mechanisms that a module has to have."""

import pytest

from hil.targets.hpcs.rig.modules.needs import NEEDS, MechanismNeed, unlisted

ALL = {need.mechanism: list(need.uses) for need in NEEDS}


def test_enough() -> None:
    """A module with every mechanism, and others, lacks nothing."""
    assert list(unlisted({**ALL, "AES_CBC": ["ENCRYPT"]})) == []


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: need.mechanism)
def test_each(need: MechanismNeed) -> None:
    """Each mechanism that is not there is one line of its own, and so is one that may not be used."""
    without = {name: uses for name, uses in ALL.items() if name != need.mechanism}
    (line,) = unlisted(without)
    assert line == f"no CKM_{need.mechanism}, needed for {need.why}"
    (line,) = unlisted({**ALL, need.mechanism: ["ENCRYPT"]})
    assert line.startswith(f"CKM_{need.mechanism} without CKF_{need.uses[0]}")
