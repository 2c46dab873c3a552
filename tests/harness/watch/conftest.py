"""A program under watch, and what to answer to its calls."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.nursery.client import Seedling
from harness.sut import Program
from harness.watch.supervisor import Answer, Reply, Supervisor, SystemCall

PROGRAM = "tests.harness.watch.program"  # found from the folder of the checkout, in which pytest runs
SECONDS = 30.0
Tree = dict[str, bytes | None]


class Watched:
    """A watched program that changes files in ``folder``; ``calls`` are the questions so far, in order."""

    def __init__(self, folder: Path, log: Path, program: Program, environment: dict[str, str]) -> None:
        self.folder = folder
        self.log = log
        self.calls: list[SystemCall] = []
        self.before: list[Tree] = []
        self.answer: Callable[[int], Answer] = lambda _: Reply.CONTINUE
        with log.open("wb") as output, Path(os.devnull).open("rb") as nothing:
            stdio = (nothing.fileno(), output.fileno(), output.fileno())
            self.process = Seedling(program, environment, stdio, watched=True)
        self.supervisor: Supervisor

    def go(self, answer: Callable[[int], Answer] | None = None) -> None:
        """Let it run; ``answer`` is called with the number of each call, from one."""
        self.answer = answer or self.answer
        assert self.process.listener is not None
        self.supervisor = Supervisor(self.process.listener, self.process.pid, self.folder, self._ask)

    def _ask(self, call: SystemCall) -> Answer:
        self.calls.append(call)
        self.before.append(self.tree())
        return self.answer(len(self.calls))

    @property
    def names(self) -> list[tuple[str, str]]:
        """The calls as pairs."""
        return [(call.name, call.path) for call in self.calls]

    def kill(self) -> Reply:
        """Kill it and prove it, in the middle of a question."""
        os.kill(self.process.pid, signal.SIGKILL)
        assert self.process.wait(SECONDS) == -signal.SIGKILL
        return Reply.GONE

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


Start = Callable[..., Watched]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the program of the tests, each time in an empty folder; it waits at its first durable call."""
    started: list[Watched] = []

    def begin(*arguments: str, files: tuple[str, ...] = ()) -> Watched:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        for name in files:
            (folder / name).touch()
        mode, *rest = arguments
        program = Program(PROGRAM, (mode, str(folder), *rest))
        started.append(Watched(folder, folder.with_suffix(".log"), program, {}))
        return started[-1]

    yield begin
    for watched in started:
        if watched.process.poll() is None:
            watched.kill()
