"""Rules of the whole test suite."""

import functools
import itertools
import os
import shutil
import signal
from collections.abc import Callable, Iterator

import pytest

from harness.rig import database, docker, server
from harness.rig.layout import OWN_SERVER, Layout, scratch

# A shell starts a background job with SIGINT ignored, and every child inherits that; then no test could
# interrupt anything. A handler in this process gives its children the default back.
signal.signal(signal.SIGINT, signal.default_int_handler)


@functools.cache
def _engine() -> bool:
    return docker.engine_answers()


def _lacking(name: str, why: str) -> None:
    if os.environ.get(f"HIL_REQUIRE_{name}") == "1":
        pytest.fail(f"HIL_REQUIRE_{name}=1, and {why}", pytrace=False)
    pytest.skip(why)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests of what this machine lacks; HIL_REQUIRE_DOCKER=1, for one, makes that a failure."""
    if item.get_closest_marker("docker") and not _engine():
        _lacking("DOCKER", "no Docker engine answers; run: make engine")
    if item.get_closest_marker("postgresql") and server.programs() is None:
        _lacking("POSTGRESQL", "there is no PostgreSQL server; run: make postgresql")


@pytest.fixture(scope="session")
def own_database() -> Iterator[database.Database]:
    """A PostgreSQL server of the tests' own, started at the first need."""
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
        server: database.Database = request.getfixturevalue("own_database")
        return server.another(f"test_{next(numbers)}")

    return make
