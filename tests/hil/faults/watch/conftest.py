"""A program under watch, and what to answer to its calls."""

import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from hil.faults.watch.supervisor import Answer, CallReply, Supervisor, SystemCall
from hil.targets.hpcs.emulator import Program
from hil.targets.hpcs.rig.zygote.client import ForkedProcess

PROGRAM = "tests.hil.faults.watch.program"  # found from the folder of the checkout, in which pytest runs
SECONDS = 30.0
Tree = dict[str, bytes | None]


class Watched:
    """A watched program that changes files in ``folder``; ``calls`` are the questions so far, in order."""

    def __init__(self, folder: Path, log: Path, program: Program, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.family = False
        self.log = log
        self.calls: list[SystemCall] = []
        self.before: list[Tree] = []
        with log.open("wb") as output, Path(os.devnull).open("rb") as nothing:
            stdio = (nothing.fileno(), output.fileno(), output.fileno())
            self.process = ForkedProcess(program, environment, stdio, watched=True)
        self.supervisor: Supervisor

    def go(
        self,
        answer: Callable[[int], Answer] = lambda _: CallReply.CONTINUE,
        off: Callable[[], bool] = lambda: False,
    ) -> None:
        """Let it run; ``answer`` is called with the number of each call, from one, while ``off`` is false."""

        def ask(call: SystemCall) -> Answer:
            self.calls.append(call)
            return answer(len(self.calls))

        assert self.process.listener is not None
        pid, family = self.process.pid, self.family
        self.supervisor = Supervisor(self.process.listener, pid, self.folder, ask, family=family, off=off)

    def look(self, _: int) -> Answer:
        """Keep the state of the files before a call, and let the call happen."""
        self.before.append(self.tree())
        return CallReply.CONTINUE

    @property
    def names(self) -> list[tuple[str, str]]:
        """The calls as pairs."""
        return [(call.name, call.path) for call in self.calls]

    def kill(self) -> CallReply:
        """Kill it and prove it, in the middle of a question."""
        os.kill(self.process.pid, signal.SIGKILL)
        assert self.process.wait(SECONDS) == -signal.SIGKILL
        return CallReply.GONE

    def ended(self) -> int:
        """Wait for its end and that of the watch; return the exit code."""
        code = self.process.wait(SECONDS)
        assert self.supervisor.wait(SECONDS)
        assert self.supervisor.error is None
        return code

    def tree(self) -> Tree:
        """Return what stands in the folder: files with their content, folders with None."""
        return {
            str(path.relative_to(self.folder)): None if path.is_dir() else path.read_bytes()
            for path in self.folder.rglob("*")
        }


Watch = Callable[[Path, Path, Program, Mapping[str, str]], Watched]
Start = Callable[..., Watched]


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Start programs under watch; each waits at its first durable call until it is told to go."""
    started: list[Watched] = []

    def begin(folder: Path, log: Path, program: Program, environment: Mapping[str, str]) -> Watched:
        started.append(Watched(folder, log, program, environment))
        return started[-1]

    yield begin
    for watched in started:
        if watched.process.poll() is None:
            watched.kill()


@pytest.fixture
def start(watch: Watch, tmp_path: Path) -> Start:
    """Start the program of the tests, each time in an empty folder."""

    def begin(*arguments: str, files: tuple[str, ...] = (), family: bool = False) -> Watched:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        for name in files:
            (folder / name).touch()
        mode, *rest = arguments
        program = Program(PROGRAM, (mode, str(folder), *rest))
        watched = watch(folder, folder.with_suffix(".log"), program, {})
        watched.family = family
        return watched

    return begin
