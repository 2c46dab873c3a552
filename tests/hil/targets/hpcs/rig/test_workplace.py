"""A scratch folder goes with the process that has made it, however that one ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hil.targets.hpcs.rig.process import ready
from hil.targets.hpcs.rig.workplace import workplace

SECONDS = 30.0
MAKER = """
import signal
from hil.targets.hpcs.rig.workplace import workplace
with workplace() as place:
    print(place.folder, flush=True)
    signal.pause()
"""
SHARING = """
import signal, subprocess
from hil.targets.hpcs.rig.workplace import workplace
with workplace() as place:
    held = [place.keep_alive.fileno()]
    holder = subprocess.Popen(["sleep", "100"], pass_fds=held, stdout=subprocess.DEVNULL)
    print(place.folder, holder.pid, flush=True)
    signal.pause()
"""


def test_it_lasts_for_a_block() -> None:
    """It is there in the block, with what is put into it, and not afterwards."""
    with workplace() as place:
        (place.folder / "file").touch()
    assert not place.folder.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_goes_with_its_maker(number: signal.Signals) -> None:
    """A signal to the whole process group, as soon as it is made, spares the one who removes it."""
    command = [sys.executable, "-c", MAKER]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    ) as maker:
        assert maker.stdout
        folder = Path(maker.stdout.readline().strip())
        assert folder.name.startswith("hil-")
        assert folder.is_dir()
        os.killpg(maker.pid, number)
        assert maker.wait(SECONDS) != 0
    ready.until(lambda: not folder.exists(), f"the removal of {folder}", SECONDS)


def test_a_copy_of_its_pipe_keeps_it() -> None:
    """Who has a copy may still write into it: it outlives its maker, and goes when that one ends too."""
    command = [sys.executable, "-c", SHARING]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as maker:
        assert maker.stdout
        folder, holder = maker.stdout.readline().split()
        maker.kill()
        maker.wait(SECONDS)
    assert Path(folder).is_dir()
    os.kill(int(holder), signal.SIGKILL)
    ready.until(lambda: not Path(folder).exists(), f"the removal of {folder}", SECONDS)
