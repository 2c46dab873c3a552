"""Calls by which a program that nobody wrote for this bench changes its files, as crash points."""

import sys
from pathlib import Path

import pytest

from hil.model.faults import When
from hil.targets.program.command import PlayFolders, watched
from hil.targets.program.point import ProgramPoint
from hil.targets.program.profile import ProgramProfile, load

PROFILE = """
name = "shell"
flow = "turn"
victim = "shell"
setup = [["true"]]
check = ["true"]
rotate = "turn"
[commands]
turn = ["sh", "-c", '''{script}''']
[[procedures]]
name = "none"
rules = [{{ ended = ["ok"] }}]
"""
COPY = "import shutil; shutil.copyfile('new', 'key')"
CLONE = "import os; print(os.copy_file_range(os.open('new', 0), os.open('key', 1), 9))"


@pytest.fixture
def place(tmp_path: Path) -> PlayFolders:
    """Return folders for a command."""
    place = PlayFolders(tmp_path / "root", tmp_path / "ledger", tmp_path / "home")
    place.make()
    (place.root / "new").write_text("new")
    (place.root / "key").write_text("old")
    return place


def shell(tmp_path: Path, script: str) -> ProgramProfile:
    """Return the profile of a script."""
    (tmp_path / "shell.toml").write_text(PROFILE.format(script=script))
    return load(tmp_path / "shell.toml")


@pytest.mark.parametrize(
    ("script", "calls"),
    [
        ("echo new > key", ["openat.1-before key", "write.1-before key"]),
        ("echo new 1<> key", ["openat.1-before key", "write.1-before key"]),
        ("echo new >&2 2>> key", ["openat.1-before key"]),
        ("exec 2>> key; echo new >&2", ["openat.1-before key", "write.1-before key"]),
        ("echo new", []),
        ("echo new > /dev/null", []),
        ("echo new > ../outside", []),
        ("echo new | cat", []),
        (f'"$PYTHON" -c "{COPY}"', ["openat.1-before key", "sendfile.1-before key", "sendfile.2-before key"]),
        (f'"$PYTHON" -c "{CLONE}"', ["copy_file_range.1-before key"]),
        ("truncate -s 0 key", ["openat.1-before key", "ftruncate.1-before key"]),
        ("ln -s new link", ["symlinkat.1-before link"]),
        ("mkdir d; rmdir d", ["mkdir.1-before d", "rmdir.1-before d"]),
    ],
)
def test_every_change_is_a_call(tmp_path: Path, place: PlayFolders, script: str, calls: list[str]) -> None:
    """What is written into the folder is seen, by whatever descriptor; terminals and pipes are not."""
    profile = shell(tmp_path, script.replace('"$PYTHON"', sys.executable))
    assert [call.text for call in watched(profile, place, "turn").calls] == calls


def test_killed_at_a_write_to_standard_output(tmp_path: Path, place: PlayFolders) -> None:
    """A shell that dies before it writes what it has redirected leaves the file that it has emptied."""
    run = watched(shell(tmp_path, "echo new > key"), place, "turn", ProgramPoint("write", 1, When.BEFORE))
    assert run.struck
    assert (place.root / "key").read_text() == ""
