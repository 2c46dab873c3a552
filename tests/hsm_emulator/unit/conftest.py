"""Crypto units as processes, and the administrators who sign for them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hsm_emulator.instance import UnitType
from tests.hsm_emulator.unit.admin import Admin
from tests.hsm_emulator.unit.parent import Zygote
from tests.hsm_emulator.unit.unit import Unit, in_memory, make_unit


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """The warm parent of all units."""
    parent = Zygote()
    yield parent
    parent.close()


@pytest.fixture
def memory() -> Iterator[Path]:
    """A short folder in memory."""
    with in_memory() as folder:
        yield folder


@pytest.fixture
def new_unit(zygote: Zygote, memory: Path) -> Iterator[Callable[..., Unit]]:
    """Make and start units of a type, each in factory state."""
    units: list[Unit] = []

    def make(
        unit_type: UnitType = UnitType.OPERATIONAL, *, start: bool = True, module: Path | None = None
    ) -> Unit:
        unit = make_unit(zygote, memory, unit_type, len(units) + 1, module)
        units.append(unit)
        if start:
            unit.start()
        return unit

    yield make
    for unit in units:
        unit.kill()


@pytest.fixture(scope="session")
def admins() -> list[Admin]:
    """Nine administrators, one more than a unit takes."""
    return [Admin(f"admin{number}") for number in range(1, 10)]


@pytest.fixture(scope="module")
def signed_unit(zygote: Zygote, admins: list[Admin]) -> Iterator[Unit]:
    """A recovery unit with three administrators, two of whom sign, and three who revoke."""
    with in_memory() as folder:
        unit = make_unit(zygote, folder, UnitType.RECOVERY, 1)
        unit.start()
        unit.leave_imprint(admins[:3], signature=2, revocation=3)
        yield unit
        unit.kill()
