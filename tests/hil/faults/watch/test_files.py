"""Which file a call is about, where that is not as the process says it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.faults.watch.files import Files
from hil.faults.watch.filter import TRAPPED, CannotWatch

NOBODY = 65534
FSYNC = next(call for call in TRAPPED if call.name == "fsync")


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """Be somebody to whom the first process of the machine does not belong."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    yield
    os.seteuid(0)


@pytest.mark.usefixtures("unprivileged")
def test_memory_that_may_not_be_read() -> None:
    """Calls by path would pass unseen, so there is no watch at all, and a word on what to do."""
    with pytest.raises(CannotWatch, match="process 1 may not be looked into; run as root"):
        Files(1, Path("/"), {})


@pytest.mark.parametrize(
    ("mounts", "expected"),
    [
        ({}, None),
        ({"/elsewhere": "unit"}, None),
        ({"{real}": "unit"}, "unit/sub"),
        ({"{real}/": "unit"}, "unit/sub"),
        ({"{real}/s": "unit"}, None),
        ({"{real}/sub": "unit/other"}, "unit/other"),
    ],
)
def test_other_names_of_folders(tmp_path: Path, mounts: dict[str, str], expected: str | None) -> None:
    """A folder that the process knows by another name is found where ``mounts`` says, and only that one."""
    real, root = tmp_path / "real", tmp_path / "root"
    for folder in (real / "sub", root / "unit"):
        folder.mkdir(parents=True)
    places = {name.format(real=real): root / at for name, at in mounts.items()}
    opened = os.open(real / "sub", os.O_RDONLY)
    try:
        assert Files(os.getpid(), root, places).changed_by(FSYNC, [opened]) == expected
    finally:
        os.close(opened)
