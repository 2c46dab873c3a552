"""Rules of the whole test suite."""

import functools
import os
import signal

import pytest

from harness.rig import docker

# A shell starts a background job with SIGINT ignored, and every child inherits that; then no test could
# interrupt anything. A handler in this process gives its children the default back.
signal.signal(signal.SIGINT, signal.default_int_handler)


@functools.cache
def _engine() -> bool:
    return docker.engine_answers()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests marked ``docker`` where no engine answers; HIL_REQUIRE_DOCKER=1 makes that a failure."""
    if item.get_closest_marker("docker") is None or _engine():
        return
    if os.environ.get("HIL_REQUIRE_DOCKER") == "1":
        pytest.fail("no Docker engine answers and HIL_REQUIRE_DOCKER=1; run: make engine", pytrace=False)
    pytest.skip("no Docker engine answers; run: make engine")
