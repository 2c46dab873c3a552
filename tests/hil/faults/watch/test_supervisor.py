"""Watched programs: what is asked, in which order, and what an answer does."""

import errno
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.faults.watch.filter import machine
from hil.faults.watch.supervisor import Answer, CallReply

if TYPE_CHECKING:
    from tests.hil.faults.watch.conftest import Start, Watched

HERE = {call.name for call in machine().calls.values()}
# The program "steps" call by call; some machines have the variants with a folder argument only.
STEPS = [
    (name if name in HERE else f"{name}at", path)
    for name, path in (
        ("openat", "a"),
        ("write", "a"),
        ("pwrite64", "a"),
        ("writev", "a"),
        ("fallocate", "a"),
        ("ftruncate", "a"),
        ("fsync", "a"),
        ("fdatasync", "a"),
        ("rename", "b"),
        ("fsync", "."),
        ("mkdir", "d"),
        ("mkdirat", "d/e"),
        ("link", "d/c"),
        ("linkat", "d/f"),
        ("renameat", "g"),
        ("unlink", "g"),
        ("unlinkat", "d/f"),
        ("openat", "d/h"),
        ("openat", "b"),
    )
]
SECONDS = 30.0


def at(ordinal: int, act: Callable[[], Answer]) -> Callable[[int], Answer]:
    """Let every call happen but that one."""
    return lambda number: act() if number == ordinal else CallReply.CONTINUE


@pytest.fixture
def unhindered(start: "Start") -> "Watched":
    """A run of "steps" to its end."""
    watched = start("steps")
    watched.go(watched.look)
    assert watched.ended() == 0, watched.log.read_text()
    return watched


def test_every_durable_call_is_an_event(unhindered: "Watched") -> None:
    """Calls come one by one, in the program's order, with the path that they change."""
    assert unhindered.names == STEPS


def test_not_asked_while_off(start: "Start") -> None:
    """While it is off every call happens without a question; off is asked about before each."""
    watched = start("steps")
    watched.go(off=lambda: len(watched.calls) == 3)
    assert watched.ended() == 0, watched.log.read_text()
    assert watched.names == STEPS[:3]


@pytest.mark.skipif("open" not in HERE, reason="this machine has no such calls")
def test_calls_that_python_does_not_make(start: "Start") -> None:
    """creat, open and renameat2 are seen too."""
    watched = start("raw")
    watched.go()
    assert watched.ended() == 0
    assert watched.names == [("creat", "a"), ("open", "b"), ("renameat2", "c")]


def test_a_call_has_not_happened_when_it_is_asked_about(unhindered: "Watched") -> None:
    """The files are as the calls before left them, and every call that is no flush changes them after."""
    states = [*unhindered.before, unhindered.tree()]
    assert states[0] == {}
    for number, (name, _) in enumerate(STEPS):
        changed = states[number] != states[number + 1]
        assert changed == (name not in {"fsync", "fdatasync"}), (number, name)


@pytest.mark.parametrize("ordinal", range(1, len(STEPS) + 1))
def test_killed_before_a_call(start: "Start", unhindered: "Watched", ordinal: int) -> None:
    """Killed while it waits for the answer, the process ends by SIGKILL and the call never happens."""
    watched = start("steps")
    watched.go(at(ordinal, watched.kill))
    assert watched.ended() == -signal.SIGKILL
    assert watched.names == STEPS[:ordinal]
    assert watched.tree() == unhindered.before[ordinal - 1]


@pytest.mark.parametrize("ordinal", range(1, len(STEPS) + 1))
def test_disk_full_at_a_call(start: "Start", unhindered: "Watched", ordinal: int) -> None:
    """An error number in answer is what the program gets, and the call does not happen."""
    watched = start("steps")
    watched.go(at(ordinal, lambda: errno.ENOSPC))
    assert watched.ended() == errno.ENOSPC
    assert watched.names == STEPS[:ordinal]
    assert watched.tree() == unhindered.before[ordinal - 1]


@pytest.mark.parametrize("ordinal", [2, 11, 21])
def test_one_order_over_all_threads(start: "Start", ordinal: int) -> None:
    """Killed at the k-th call over all threads that take turns, exactly the calls before it have happened."""
    watched = start("threads", "4", "5", "turns")
    watched.go(at(ordinal, watched.kill))
    assert watched.ended() == -signal.SIGKILL
    assert len(watched.calls) == ordinal
    assert watched.tree() == {"shared": b"." * (ordinal - 2)}


@pytest.mark.parametrize("lock", ["turns", "race"])
def test_threads_to_the_end(start: "Start", lock: str) -> None:
    """No call is lost or seen twice; in a race the last call of each other thread may be under way still."""
    watched = start("threads", "4", "25", lock)
    watched.go(watched.look)
    assert watched.ended() == 0
    assert Counter(watched.names) == {("openat", "shared"): 1, ("write", "shared"): 100}
    lengths = [len(each.get("shared") or b"") for each in watched.before]
    under_way = {0} if lock == "turns" else {0, 1, 2, 3}
    assert all(number - length in under_way for number, length in enumerate(lengths[1:]))


def test_a_family_is_asked_about(start: "Start") -> None:
    """Where what a process starts is watched, too, its calls stand among those of the process, in order."""
    watched = start("child", family=True)
    watched.go(watched.look)
    assert watched.ended() == 0, watched.log.read_text()
    made = "mkdir" if "mkdir" in HERE else "mkdirat"
    written = [(name, file) for file in ("theirs", "forked") for name in ("openat", "write")]
    assert watched.names == [*written, (made, "ours")]
    assert watched.before[2] == {"theirs": b"x"}


def test_children_are_not_asked_about(start: "Start") -> None:
    """A program that the process runs, and a fork of it, change files below the folder without a question."""
    watched = start("child")
    watched.go()
    assert watched.ended() == 0, watched.log.read_text()
    assert watched.names == [("mkdir" if "mkdir" in HERE else "mkdirat", "ours")]
    assert watched.tree() == {"theirs": b"x", "forked": b"x", "ours": None}


def test_only_files_that_last(start: "Start", tmp_path: Path) -> None:
    """Other folders, devices, pipes, standard streams, reading, and files without a name are no events."""
    other = tmp_path / "other"
    other.mkdir()
    watched = start("elsewhere", str(other), files=("read", "lost"))
    watched.go()
    assert watched.ended() == 0, watched.log.read_text()
    assert watched.names == [("unlink" if "unlink" in HERE else "unlinkat", "lost")]
    assert watched.log.read_text() == "said\n"
    assert [path.name for path in other.iterdir()] == ["moved"]


def test_a_signal_makes_no_second_event(start: "Start") -> None:
    """A signal that comes while a call waits does not start the call anew."""
    watched = start("interrupted")

    def interrupt(_: int) -> Answer:
        os.kill(watched.process.pid, signal.SIGUSR1)
        return CallReply.CONTINUE

    watched.go(interrupt)
    assert watched.ended() == 0
    assert len(watched.calls) == 1


def test_it_waits_for_a_supervisor(start: "Start") -> None:
    """Before anybody supervises it a watched process changes nothing, and is killed as any other."""
    watched = start("steps")
    watched.kill()
    assert watched.tree() == {}
    watched.go()
    assert watched.supervisor.wait(SECONDS)
    assert watched.calls == []


def test_close_with_questions_pending(start: "Start") -> None:
    """Closing waits for the pending answer for so long only; after it nothing is asked, and all goes on."""
    asked, answer = threading.Event(), threading.Event()
    watched = start("threads", "3", "5", "race")

    def slowly(number: int) -> Answer:
        if number == 3:
            asked.set()
            assert answer.wait(SECONDS)
        return CallReply.CONTINUE

    watched.go(slowly)
    assert asked.wait(SECONDS)
    with pytest.raises(TimeoutError, match=r"not answered within 0\.01 s"):
        watched.supervisor.close(0.01)
    answer.set()
    watched.supervisor.close()
    assert watched.ended() == 0
    assert len(watched.calls) == 3
    assert watched.tree() == {"shared": b"." * 15}


def test_close_from_within_a_question(start: "Start") -> None:
    """Whoever is asked may close: that answer still counts, and nothing more is asked."""
    watched = start("steps")

    def close() -> Answer:
        watched.supervisor.close()
        return errno.ENOSPC

    watched.go(at(2, close))
    assert watched.ended() == errno.ENOSPC
    assert watched.names == STEPS[:2]


def test_a_question_that_fails(start: "Start") -> None:
    """An exception in the bench is kept for it to see; the process is not left waiting."""
    watched = start("steps")

    def fail() -> Answer:
        raise ValueError("the bench is at fault")

    watched.go(at(2, fail))
    assert watched.process.wait(SECONDS) == 0
    assert watched.supervisor.wait(SECONDS)
    assert str(watched.supervisor.error) == "the bench is at fault"
    assert watched.names == STEPS[:2]


def test_who_cannot_be_watched_does_not_run(start: "Start") -> None:
    """Where the kernel refuses the filter the bench gets the reason, and the program is not started."""
    watched = start("nested")
    watched.go()
    assert watched.ended() == 0
    assert "seccomp(): Device or resource busy; this is Linux" in watched.log.read_text()
    assert watched.calls == []
    assert watched.tree() == {}
