"""What the warm parent has done for its children, and what stays theirs."""

import os
from pathlib import Path

from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.rig.zygote.client import ForkedProcess

PROGRAM = (
    "tests.hil.targets.hpcs.rig.zygote.program"  # found from the folder of the checkout, in which pytest runs
)
SECONDS = 60.0


def _run(program: sut.Program, log: Path) -> list[str]:
    with log.open("wb") as output, Path(os.devnull).open("rb") as nothing:
        streams = (nothing.fileno(), output.fileno(), output.fileno())
        assert ForkedProcess(program, os.environ, streams).wait(SECONDS) == 0, log.read_text()
    return log.read_text().split()


def test_random_numbers_are_not_shared(tmp_path: Path) -> None:
    """Tokens that two processes of one warm parent open, which has used one itself, make different keys."""
    unit, secret = tmp_path / "unit", tmp_path / "secret"
    secret.write_text("secret")
    _run(sut.unit_init(unit, 1, "RECOVERY", secret), tmp_path / "init")
    made = [_run(sut.Program(PROGRAM, (str(unit),)), tmp_path / name) for name in ("one", "other")]
    assert len({*made[0], *made[1]}) == 4
