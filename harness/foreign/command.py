"""Running one command of a system under test: watched, killed at a crash point, always with a deadline."""

import contextlib
import fnmatch
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness import inherited
from harness.foreign.form import Ended
from harness.foreign.point import Call, Counting, Point
from harness.foreign.profile import Profile, Words
from harness.watch import handover
from harness.watch.supervisor import Answer, Reply, Supervisor, SystemCall

LISTENER_SECONDS = 30.0
DEAD_SECONDS = 10.0


class SutBroken(Exception):
    """The system under test cannot be set up or asked here; the text says which command failed, and how."""


class NotInstalled(Exception):
    """The system under test is not on this machine; the text says how it gets there."""


@dataclass(frozen=True)
class Place:
    """Folders of one play of a system under test: what is rotated, what the check knows, scratch."""

    root: Path
    ledger: Path
    home: Path

    def make(self) -> None:
        """Make what is not there."""
        for folder in (self.root, self.ledger, self.home):
            folder.mkdir(parents=True, exist_ok=True)


@dataclass(frozen=True)
class Run:
    """How a command ended and what it printed; ``calls`` if it was watched, the last one the deadly one."""

    name: str
    ended: Ended
    code: int
    output: str
    calls: tuple[Call, ...] = ()
    struck: bool = False


@dataclass
class _Strike:
    """Answers the questions of a watch: notes each call, and kills the group at the crash point."""

    point: Point | None
    ignore: Sequence[str]
    pid: int = 0
    calls: list[Call] = field(default_factory=list)
    counting: Counting = field(default_factory=Counting)
    struck: bool = False

    def ask(self, system_call: SystemCall) -> Answer:
        if any(fnmatch.fnmatchcase(system_call.path, pattern) for pattern in self.ignore):
            return Reply.CONTINUE
        call = self.counting.call(system_call.name, system_call.path)
        self.calls.append(call)
        if self.point is None or not self.point.is_at(call):
            return Reply.CONTINUE
        self.struck = True
        os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):  # one that has left the group waits for an answer
            os.kill(system_call.thread, signal.SIGKILL)
        return Reply.GONE


def watched(profile: Profile, place: Place, name: str, point: Point | None = None) -> Run:
    """Run a command of the profile with its durable calls recorded; it dies at ``point``."""
    mine, its = handover.pair()
    strike = _Strike(point, profile.ignore)
    with mine:
        with its:
            launch = inherited.python("harness.foreign.launch", str(its.fileno()))
            argv = (*launch, *_filled(profile, place, profile.commands[name]))
            process = _started(profile, place, argv, (its.fileno(),))
        try:
            listener, _ = handover.received(mine, LISTENER_SECONDS)
            strike.pid = process.pid
            watch = Supervisor(listener, process.pid, place.root, strike.ask, family=True)
        except BaseException:
            _end(process)
            raise
    run = _ended(profile, process, name)
    if not watch.wait(DEAD_SECONDS) or watch.error:
        raise SutBroken(f"the watch of '{name}' broke: {watch.error or 'something it started still runs'}")
    return Run(name, run.ended, run.code, run.output, tuple(strike.calls), strike.struck)


def plain(profile: Profile, place: Place, name: str, words: Words) -> Run:
    """Run a command unwatched."""
    return _ended(profile, _started(profile, place, _filled(profile, place, words), ()), name)


def environment(profile: Profile, place: Place) -> Mapping[str, str]:
    """Return the whole environment of the commands: nothing of the caller's but the search path."""
    given = {name: _fill(profile, place, text) for name, text in profile.environment.items()}
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    return {"PATH": path, "HOME": str(place.home), "TMPDIR": str(place.home), "LC_ALL": "C.UTF-8", **given}


def _started(
    profile: Profile, place: Place, argv: Sequence[str], keep: tuple[int, ...]
) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            argv,
            cwd=place.root,
            env=environment(profile, place),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=keep,
            start_new_session=True,
        )
    except OSError as error:
        raise NotInstalled(f"{argv[0]} does not start: {error.strerror}{_advice(profile, place)}") from error


def _ended(profile: Profile, process: subprocess.Popen[str], name: str) -> Run:
    """Wait for the end of a command, and of all that it has started."""
    try:
        output, _ = process.communicate(timeout=profile.seconds)
    except subprocess.TimeoutExpired:
        _end(process)
        output, _ = process.communicate()
        return Run(name, Ended.HUNG, process.returncode, output)
    except BaseException:
        _end(process)
        raise
    code = process.returncode
    ended = Ended.OK if code == 0 else Ended.KILLED if code == -signal.SIGKILL else Ended.FAILED
    return Run(name, ended, code, output)


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(DEAD_SECONDS)


def _filled(profile: Profile, place: Place, words: Words) -> Words:
    return tuple(_fill(profile, place, word) for word in words)


def _fill(profile: Profile, place: Place, text: str) -> str:
    folders = {
        "{root}": place.root,
        "{ledger}": place.ledger,
        "{home}": place.home,
        "{here}": profile.path.parent,
        "{cwd}": Path.cwd(),
        "{python}": sys.executable,
    }
    for name, value in folders.items():
        text = text.replace(name, str(value))
    return text


def _advice(profile: Profile, place: Place) -> str:
    return f"; install it: {_fill(profile, place, profile.install)}" if profile.install else ""


def check_installed(profile: Profile, place: Place) -> None:
    """Raise NotInstalled where a file that the profile needs is not here."""
    for name in (_fill(profile, place, name) for name in profile.needs):
        if not Path(name).exists():
            raise NotInstalled(f"{profile.name} needs {name}, which is not here{_advice(profile, place)}")
