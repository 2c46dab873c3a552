"""Rules of the whole test suite."""

import functools
import itertools
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from hil.targets.hpcs.rig.keystore import server
from hil.targets.hpcs.rig.layout import OWN_SERVER, Layout, scratch
from hil.targets.hpcs.rig.units import docker
from tests.hil.targets.hpcs.rig.keystore.straight import another

if TYPE_CHECKING:
    from hil.targets.hpcs.rig.keystore.database import KeyStoreDatabase

# A shell starts a background job with SIGINT ignored, and every child inherits that; then no test could
# interrupt anything. A handler in this process gives its children the default back.
signal.signal(signal.SIGINT, signal.default_int_handler)


NSS_LIBRARY = Path("/usr/lib/x86_64-linux-gnu/libsoftokn3.so")


@functools.cache
def _engine() -> bool:
    return docker.engine_answers()


def _lacking(name: str, why: str) -> NoReturn:
    if os.environ.get(f"HIL_REQUIRE_{name}") == "1":
        pytest.fail(f"HIL_REQUIRE_{name}=1, and {why}", pytrace=False)
    pytest.skip(why)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests of what this machine lacks; HIL_REQUIRE_DOCKER=1, for one, makes that a failure."""
    if item.get_closest_marker("docker") and not _engine():
        _lacking("DOCKER", "no Docker engine answers; run: make engine")
    if item.get_closest_marker("postgresql") and server.programs() is None:
        _lacking("POSTGRESQL", "there is no PostgreSQL server; run: make postgresql")


@pytest.fixture
def nss(request: pytest.FixtureRequest) -> Path:
    """The example profile for NSS softokn."""
    if shutil.which("certutil") is None or not NSS_LIBRARY.exists():
        _lacking("NSS", "NSS is not installed; run: make nss")
    return request.config.rootpath / "examples" / "hil-nss.toml"


@pytest.fixture
def compiler() -> str:
    """A C compiler."""
    return shutil.which("cc") or _lacking("COMPILER", "there is no C compiler; run: make nss")


@pytest.fixture(scope="session")
def own_database() -> "Iterator[KeyStoreDatabase]":
    """A PostgreSQL server of the tests' own, started at the first need."""
    from hil.targets.hpcs.rig.keystore import database  # noqa: PLC0415 needs a library of the server's packages

    root = scratch("test-")
    layout = Layout(root / "pg" / "files", root / "pg" / "s", OWN_SERVER)
    layout.logs.mkdir(parents=True)
    made = database.host(layout)
    made.start()
    yield made
    made.close()
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def new_database(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Make an empty database on that server, and return its URL."""
    numbers = itertools.count(1)

    def make() -> str:
        server: KeyStoreDatabase = request.getfixturevalue("own_database")
        return another(server, f"test_{next(numbers)}")

    return make
