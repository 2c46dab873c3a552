"""Machines on which nothing can be watched: told before anything starts, by all in the same words."""

import subprocess
import sys
from pathlib import Path

import pytest

NEST = Path(__file__).with_name("nest.py")
HIL = Path(sys.executable).with_name("hil")
SMALL = ("--backend", "process", "--operational", "1", "--recovery", "1", "--keys", "8", "--jobs", "1")
SECONDS = 100
REASONS = {
    "einval": "seccomp(): Invalid argument; this is Linux ",
    "busy": "seccomp(): Device or resource busy; this is Linux ",
    "ioctl": "ioctl() on a listener: Operation not permitted; ",
}


def _inside(kind: str, folder: Path, *argv: str) -> "subprocess.CompletedProcess[str]":
    """Run ``hil`` in a sandbox."""
    command = [sys.executable, str(NEST), kind, str(HIL), *argv]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS)


@pytest.mark.parametrize("kind", REASONS)
def test_nothing_can_be_watched(kind: str, tmp_path: Path) -> None:
    """``hil run`` ends with exit code 64 and one line, in the words of ``hil doctor``, and makes nothing."""
    ran = _inside(kind, tmp_path, "run", *SMALL, "--out", "run")
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (64, "", 1)
    assert ran.stderr.startswith(f"hil: system calls cannot be watched here: {REASONS[kind]}")
    assert list(tmp_path.iterdir()) == []
    told = _inside(kind, tmp_path, "doctor", "--backend", "process")
    assert told.returncode == 64
    assert ran.stderr.partition("here: ")[2].strip() in told.stdout


def test_another_system_under_test_there(tmp_path: Path) -> None:
    """Its campaign is refused as well."""
    profile = Path(__file__).parents[4] / "examples" / "sut" / "ansible.toml"
    ran = _inside("einval", tmp_path, "sut", "run", str(profile), "--out", "run")
    assert (ran.returncode, ran.stderr.count("\n")) == (64, 1)
    assert "system calls cannot be watched here: " in ran.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.postgresql
def test_no_ends_of_other_processes(tmp_path: Path) -> None:
    """A server of the bench's own is refused where nobody can see its processes end."""
    ran = _inside("pidfd", tmp_path, "run", *SMALL, "--keystore", "postgresql", "--out", "run")
    assert (ran.returncode, ran.stderr.count("\n")) == (64, 1)
    assert "pidfd_open(): Operation not permitted; " in ran.stderr
    assert list(tmp_path.iterdir()) == []
