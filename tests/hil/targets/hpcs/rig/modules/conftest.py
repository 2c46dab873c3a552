"""Real PKCS#11 modules beside SoftHSM, from Debian's packages: 'make nss', opencryptoki."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
OPENCRYPTOKI = Path("/usr/lib/x86_64-linux-gnu/opencryptoki/libopencryptoki.so.0")
SECONDS = 10.0

Written = Callable[[str], Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Write a profile, and return its file."""

    def write(text: str) -> Path:
        file = tmp_path / "hil.toml"
        file.write_text(text)
        return file

    return write


@pytest.fixture
def opencryptoki(written: Written) -> Iterator[Path]:
    """A profile for opencryptoki, whose daemon runs meanwhile."""
    daemon = shutil.which("pkcsslotd")
    if daemon is None or not OPENCRYPTOKI.exists():
        pytest.skip("opencryptoki is not installed; install Debian's package opencryptoki")
    process = subprocess.Popen([daemon, "-f"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + SECONDS
        while process.poll() is None and not _answers() and time.monotonic() < until:
            pass
        if process.poll() is not None:
            pytest.skip("pkcsslotd cannot run here: it needs root, and to be the only one")
        yield written(
            f'[module]\nname = "opencryptoki"\nlibrary = "{OPENCRYPTOKI}"\n'
            '[token]\nmake = [["pkcsconf", "-t"]]\n'
        )
    finally:
        process.terminate()
        process.wait(SECONDS)


def _answers() -> bool:
    """Whether the daemon serves its tokens."""
    look = ["pkcs11-tool", "--module", str(OPENCRYPTOKI), "--list-slots"]
    return subprocess.run(look, capture_output=True, timeout=SECONDS, check=False).returncode == 0
