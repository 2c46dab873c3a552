"""Running one command of a system under test: watched, killed at a crash point, always with a deadline."""

import contextlib
import errno
import fnmatch
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hil.engine.errors import LeftRunning
from hil.faults.watch import handover
from hil.faults.watch.supervisor import Answer, CallReply, Supervisor, SystemCall
from hil.model.printable import printable
from hil.targets.program.form import CommandEnd
from hil.targets.program.launch import LaunchRequest
from hil.targets.program.point import Counting, ObservedCall, ProgramPoint
from hil.targets.program.profile import ProgramProfile, Words
from hil.targets.program.running import RunningCommand, SutBroken

LISTENER_SECONDS = 30.0
DEAD_SECONDS = 10.0


class NotInstalled(Exception):
    """The system under test is not on this machine; the text says how it gets there."""


@dataclass(frozen=True)
class PlayFolders:
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
    """How a command ended and what it printed; ``calls`` if it was watched, the last one the deadly one.

    ``left``: what it had started and still ran when it had ended by itself; all of that was ended.
    """

    name: str
    ended: CommandEnd
    code: int
    output: str
    calls: tuple[ObservedCall, ...] = ()
    struck: bool = False
    left: tuple[str, ...] = ()


@dataclass
class _Strike:
    """Answers the questions of a watch: notes each call, and kills at the crash point.

    ``end`` kills what has left the group of the command, and returns when nobody is left.
    """

    point: ProgramPoint | None
    ignore: Sequence[str]
    end: Callable[[], None]
    pid: int = 0
    calls: list[ObservedCall] = field(default_factory=list)
    counting: Counting = field(default_factory=Counting)
    struck: bool = False

    def ask(self, system_call: SystemCall) -> Answer:
        if any(fnmatch.fnmatchcase(system_call.path, pattern) for pattern in self.ignore):
            return CallReply.CONTINUE
        call = self.counting.call(system_call.name, system_call.path)
        self.calls.append(call)
        if self.point is None or not self.point.is_at(call):
            return CallReply.CONTINUE
        self.struck = True
        os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):  # one that has left the group waits for an answer
            os.kill(system_call.thread, signal.SIGKILL)
        self.end()
        return CallReply.GONE


def watched(profile: ProgramProfile, place: PlayFolders, name: str, point: ProgramPoint | None = None) -> Run:
    """Run a command of the profile with its durable calls recorded; it dies at ``point``, and all with it."""
    mine, its = handover.pair()
    with mine:
        with its:
            running = _started(profile, place, profile.commands[name], its)
        strike = _Strike(point, profile.ignore, running.end)
        try:
            listener, strike.pid = handover.received(mine, LISTENER_SECONDS)
            watch = Supervisor(listener, strike.pid, place.root, strike.ask, family=True)
        except BaseException:
            running.abandon()
            raise
    run = _ended(running, name)
    if not watch.wait(DEAD_SECONDS) or watch.error:
        raise SutBroken(f"the watch of '{name}' broke: {watch.error or 'something it started still runs'}")
    return replace(run, calls=tuple(strike.calls), struck=strike.struck)


def plain(profile: ProgramProfile, place: PlayFolders, name: str, words: Words) -> Run:
    """Run a command unwatched; raises LeftRunning where it leaves something behind."""
    run = _ended(_started(profile, place, words), name)
    if run.left:
        raise LeftRunning(f"{profile.name}: '{name}' left {running(run)}")
    return run


def running(run: Run) -> str:
    """Return what was still running when a command had ended by itself, and what to do about that."""
    named = ", ".join(run.left)
    return f"{named} running, which was ended; a command has to wait for what it starts, or to stop it"


def environment(profile: ProgramProfile, place: PlayFolders) -> Mapping[str, str]:
    """Return the whole environment of the commands: nothing of the caller's but the search path."""
    given = {name: _fill(profile, place, text) for name, text in profile.environment.items()}
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    return {"PATH": path, "HOME": str(place.home), "TMPDIR": str(place.home), "LC_ALL": "C.UTF-8", **given}


def _started(
    profile: ProgramProfile, place: PlayFolders, words: Words, watch: socket.socket | None = None
) -> RunningCommand:
    argv, given = _filled(profile, place, words), environment(profile, place)
    program = os.path.join(place.root, argv[0]) if "/" in argv[0] else argv[0]  # noqa: PTH118 - no path yet
    if not shutil.which(program, path=given["PATH"]):
        why = os.strerror(errno.EACCES if Path(program).is_file() else errno.ENOENT)
        raise NotInstalled(f"{argv[0]} does not start: {why}{_advice(profile, place)}")
    return RunningCommand(LaunchRequest(argv, str(place.root), given, profile.seconds), watch)


def _ended(running: RunningCommand, name: str) -> Run:
    """Wait for the end of a command, and of all that it has started."""
    output, report = running.ended()
    if report.alive:
        raise SutBroken(f"'{name}' cannot be ended: {printable(report.alive)} still runs")
    if report.code is None:
        raise SutBroken(f"nobody knows how '{name}' has ended")
    ended = CommandEnd.OK if report.code == 0 else CommandEnd.FAILED
    if report.hung:
        ended = CommandEnd.HUNG
    elif report.code == -signal.SIGKILL:
        ended = CommandEnd.KILLED
    return Run(name, ended, report.code, output, left=tuple(map(printable, report.left)))


def _filled(profile: ProgramProfile, place: PlayFolders, words: Words) -> Words:
    return tuple(_fill(profile, place, word) for word in words)


def _fill(profile: ProgramProfile, place: PlayFolders, text: str) -> str:
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


def _advice(profile: ProgramProfile, place: PlayFolders) -> str:
    return f"; install it: {_fill(profile, place, profile.install)}" if profile.install else ""


def check_installed(profile: ProgramProfile, place: PlayFolders) -> None:
    """Raise NotInstalled where a file that the profile needs is not here."""
    for name in (_fill(profile, place, name) for name in profile.needs):
        if not Path(name).exists():
            raise NotInstalled(f"{profile.name} needs {name}, which is not here{_advice(profile, place)}")
