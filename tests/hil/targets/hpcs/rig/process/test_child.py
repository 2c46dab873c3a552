"""A child of the rig: its group dies with it, and a kill that cannot be proven is no kill."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hil.targets.hpcs.emulator import Program
from hil.targets.hpcs.rig.process import ready
from hil.targets.hpcs.rig.process.child import Child, NotKilled
from hil.targets.hpcs.rig.process.owner import of, parse, state

PROGRAM = "tests.hil.targets.hpcs.rig.program"  # found from the folder of the checkout, in which pytest runs
SECONDS = 60.0


def _child(log: Path, *arguments: str) -> Child:
    return Child("the child", Program(PROGRAM, arguments), log)


def _said(log: Path) -> list[int]:
    ready.until(lambda: log.exists() and log.read_text().endswith("\n"), "its first line", SECONDS)
    return [int(word) for word in log.read_text().split()]


def _gone(identities: list[str]) -> bool:
    return not any(parse(identity).may_live() for identity in identities)


def _reaped(pids: list[int]) -> None:
    ready.until(lambda: not any(map(state, pids)), "the end of the group, reaped", SECONDS)


def _dead(identities: list[str]) -> None:
    ready.until(lambda: _gone(identities), "the end of the group", SECONDS)


def test_kill_is_proven_and_takes_the_whole_group(tmp_path: Path) -> None:
    """SIGKILL ends the process and what it has started, and its exit code says so."""
    child = _child(tmp_path / "log", "pair")
    said = _said(tmp_path / "log")
    assert said[0] == child.pid
    identities = [str(of(pid)) for pid in said]
    assert not _gone(identities)
    child.kill()
    assert child.exit_code == -signal.SIGKILL
    _dead(identities)


def test_whoever_a_kill_leaves_is_reaped(tmp_path: Path) -> None:
    """Of a killed group nothing is left that the first process of the machine would have to reap."""
    child = _child(tmp_path / "log", "pair")
    pids = _said(tmp_path / "log")
    child.kill()
    _reaped(pids)


def test_a_bench_that_ends_leaves_nobody(tmp_path: Path) -> None:
    """When the process that started it ends in peace, the warm parent and all that it started are gone."""
    starter = (
        "import sys; from pathlib import Path\n"
        "from hil.targets.hpcs.rig.process import ready\n"
        "from hil.targets.hpcs.rig.process.child import Child\n"
        "from hil.targets.hpcs.emulator import Program\n"
        "log = Path(sys.argv[1])\n"
        f"child = Child('c', Program('{PROGRAM}', ('pair',)), log)\n"
        f"ready.until(lambda: log.read_text().endswith('\\n'), 'its first line', {SECONDS})\n"
        "warm = Path(f'/proc/{child.pid}/stat').read_text().rpartition(')')[2].split()[1]\n"
        "print(warm, log.read_text())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", starter, str(tmp_path / "log")], capture_output=True, text=True, check=True
    )
    pids = [int(word) for word in ran.stdout.split()]
    assert len(pids) == 3
    assert not any(map(state, pids))


def test_a_warm_parent_that_is_killed(tmp_path: Path) -> None:
    """What it had started is gone with it and cannot be struck; the next child has a new one."""
    child = _child(tmp_path / "log", "alone")
    _said(tmp_path / "log")
    warm = int(Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(warm, signal.SIGKILL)
    ready.until(lambda: child.exit_code is not None, "the news of it", SECONDS)
    with pytest.raises(NotKilled, match="had already ended"):
        child.kill()
    other = _child(tmp_path / "other", "alone")
    assert _said(tmp_path / "other") == [other.pid]
    other.stop()


def test_a_process_that_had_ended_was_not_killed(tmp_path: Path) -> None:
    """Who ended by itself cannot be struck: the kill is refused with the exit code."""
    child = _child(tmp_path / "log", "3")
    ready.until(lambda: child.exit_code is not None, "its end", SECONDS)
    with pytest.raises(NotKilled, match="the child had already ended with exit code 3"):
        child.kill()
    child.stop()


def test_a_second_kill_is_none(tmp_path: Path) -> None:
    """A process dies once."""
    child = _child(tmp_path / "log", "pair")
    _said(tmp_path / "log")
    child.kill()
    with pytest.raises(NotKilled, match="exit code -9"):
        child.kill()


def test_stop_ends_it_in_any_state(tmp_path: Path) -> None:
    """Stopping works on a stopped process too, and twice."""
    child = _child(tmp_path / "log", "pair")
    identities = [str(of(pid)) for pid in _said(tmp_path / "log")]
    os.killpg(child.pid, signal.SIGSTOP)
    child.stop()
    child.stop()
    _dead(identities)


def test_children_die_with_the_bench(tmp_path: Path) -> None:
    """When the process that started it is killed, a child does not stay behind."""
    starter = (
        "import sys, threading; from pathlib import Path\n"
        "from hil.targets.hpcs.rig.process.child import Child\n"
        "from hil.targets.hpcs.emulator import Program\n"
        f"child = Child('c', Program('{PROGRAM}', ('alone',)), Path(sys.argv[1]))\n"
        "threading.Event().wait()"
    )
    with subprocess.Popen([sys.executable, "-c", starter, str(tmp_path / "log")]) as bench:
        leader = str(of(_said(tmp_path / "log")[0]))
        bench.kill()
    _dead([leader])
