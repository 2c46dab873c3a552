"""Processes that run away from whoever has started them, and the one who ends them."""

import json
import subprocess
import sys

from hil.faults.watch import descendants

# One stays, one leaves its session, and one leaves it twice over, as daemons do.
RUNAWAYS = """
import os, subprocess, sys
sleep = ["sleep", "300"]
subprocess.Popen(sleep)
subprocess.Popen(sleep, start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", sleep)
    os._exit(0)
"""
ENDS = f"""
import json, os, subprocess, sys
from hil.faults.watch import descendants, prctl
prctl.adopt_orphans()
subprocess.run([sys.executable, "-c", {RUNAWAYS!r}], check=True)
while len(left := descendants.living(os.getpid())) < 3:
    descendants.reap()
names = [descendants.name(pid) for pid in left]
codes = descendants.end(30.0)
print(json.dumps([names, left, sorted(codes), descendants.living(os.getpid()), descendants.alone()]))
"""


def test_nobody_gets_away() -> None:
    """A subreaper finds, names and ends whatever is below it: children, other sessions, daemons."""
    argv = [sys.executable, "-c", ENDS]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    names, left, ended, after, alone = json.loads(done.stdout)
    assert names == [f"sleep 300 (process {pid})" for pid in left]
    assert set(left) <= set(ended)
    assert (after, alone) == ([], True)
    assert not any(lives(pid) for pid in left)


def lives(pid: int) -> bool:
    """Whether a process is there, and no zombie."""
    return pid in descendants.living(1)


def test_a_name_of_nobody() -> None:
    """A process that is no more has no words, and still an id."""
    assert descendants.name(2**22 + 1) == f"a program (process {2**22 + 1})"


def test_nobody_below_nobody() -> None:
    """Below a process that is no more there is nobody."""
    assert descendants.living(2**22 + 1) == ()
