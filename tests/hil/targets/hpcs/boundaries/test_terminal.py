"""The operator's terminal runs real programs: prompts, transcript, deadlines, exit codes, kills."""

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.model.faults import EventClass, Fault, FaultKind, Process
from hil.targets.hpcs.boundaries import http
from hil.targets.hpcs.boundaries.conductor import TYPED, Conductor
from hil.targets.hpcs.boundaries.relay import Relay
from hil.targets.hpcs.boundaries.terminal import Answers, EndedCommand, NoAnswerKnown, Terminal
from hil.targets.hpcs.emulator import Program
from hil.targets.hpcs.model.processes import TKE, Role, unit

if TYPE_CHECKING:
    from contextlib import ExitStack

    from tests.hil.targets.hpcs.boundaries.conftest import Server

SECONDS = 60.0
PROGRAM = "tests.hil.targets.hpcs.boundaries.scripted"  # found from the folder of the checkout
Run = Callable[..., EndedCommand]


class Bench:
    """A terminal and its conductor, which kills ``tke`` by way of the terminal as a rig does."""

    def __init__(self) -> None:
        self.codes: list[int] = []
        self.conductor = Conductor(self)
        self.terminal = Terminal(self.conductor)

    def kill(self, process: Process) -> None:
        """Kill; what is not the command itself is not there."""
        if process.role == Role.TKE:
            self.codes.append(self.terminal.kill())

    def pause(self, process: Process) -> None:
        """Nothing here can be paused."""
        raise NotImplementedError(process)

    def expire(self) -> None:
        """Nobody logs in here."""
        raise NotImplementedError

    def blind(self, kind: FaultKind) -> None:
        """Take the screen away."""
        self.terminal.blind(kind)

    def run(self, *arguments: str, answers: Answers = (), seconds: float = SECONDS) -> EndedCommand:
        """Run the program of the tests."""
        return self.terminal.run(Program(PROGRAM, arguments), {"ONLY": "this"}, answers, seconds)

    @property
    def events(self) -> list[str]:
        """Events by their text, or by name and side; without the command itself."""
        events = [event for event in self.conductor.events if event.name != TYPED]
        return [event.text or f"{event.name}-{event.when}" for event in events]


@pytest.fixture
def bench() -> Bench:
    """A terminal of its own."""
    return Bench()


def _answers(**table: str) -> Answers:
    return tuple((re.compile(pattern), answer) for pattern, answer in table.items())


def test_prompts_are_answered(bench: Bench) -> None:
    """Each question gets the answer prepared for the last thing that it asks."""
    ended = bench.run("talk", answers=_answers(code="7", name="unit"))
    assert (ended.exit_code, ended.timed_out) == (0, False)
    assert ended.lines[-1] == "unit has 7"


def test_a_prompt_that_another_thread_has_read(bench: Bench) -> None:
    """A question is answered also where a relay's thread has taken it off the pipe, and no more follows."""
    over = threading.Event()

    def relays() -> None:
        while not over.is_set():
            bench.conductor.drain()

    busy = threading.Thread(target=relays)
    busy.start()
    try:
        ended = bench.run("ponder", "40", answers=_answers(Well="7"), seconds=10)
    finally:
        over.set()
        busy.join()
    assert (ended.exit_code, ended.timed_out) == (0, False)


def test_the_same_question_twice(bench: Bench) -> None:
    """A question that comes again is answered again."""
    assert bench.run("repeat", answers=_answers(number="3")).exit_code == 6


def test_unknown_question_fails_clearly(bench: Bench) -> None:
    """A question without a prepared answer is the bench's fault: it is repeated, and the command is ended."""
    with pytest.raises(NoAnswerKnown, match=r"no answer prepared for: .*Enter the code"):
        bench.run("talk", answers=_answers(Answer="unit"))
    with pytest.raises(ProcessLookupError):
        bench.terminal.kill()


def test_exit_code_and_unfinished_line(bench: Bench) -> None:
    """Exit code, standard error and a last line without an end all arrive."""
    ended = bench.run("leave", "and then\nnothing ", "3")
    assert ended.exit_code == 3
    assert ended.lines == ("and then", "nothing on standard error")


def test_deadline_kills(bench: Bench) -> None:
    """A command that does not end is killed at its deadline, and what it printed is kept."""
    ended = bench.run("stay", seconds=1)
    assert (ended.exit_code, ended.timed_out) == (-9, True)
    assert ended.lines in {("here",), ()}  # on a slow machine it may not have come to its line


def test_killed_command(bench: Bench, strike_on: Callable[[Bench, str], None]) -> None:
    """A command that is killed at a line ends by SIGKILL and is not answered any more."""
    strike_on(bench, "tke@line.2-after")
    ended = bench.run("talk", answers=_answers(code="7", name="unit"))
    assert (ended.exit_code, ended.timed_out) == (-9, False)
    assert ended.lines[:2] == ("Enter a name", "Answer:")
    assert set(ended.lines[2:]) <= {"> "}  # it may have written this before it died
    assert bench.codes == [-9]
    assert bench.conductor.fired == (True,)


def test_transcript_is_kept_across_commands(bench: Bench) -> None:
    """The operator scrolls back: every command line and every printed line, in order."""
    bench.run("leave", "one\n", "0")
    bench.run("leave", "two\n", "1")
    assert bench.terminal.transcript == [
        "$ leave one\n 0",
        "one",
        "on standard error",
        "$ leave two\n 1",
        "two",
        "on standard error",
    ]


def test_environment_is_the_given_one(bench: Bench) -> None:
    """The program sees the operator's environment and nothing of the bench's."""
    assert bench.run("environment", "ONLY").lines == ("this 1",)
    assert bench.run("environment", "PATH").lines == ("None 1",)


@pytest.fixture
def relayed_to(bench: Bench, folder: Path, server: "Server", closing: "ExitStack") -> Path:
    """Socket of a relay between the program and the server."""
    run = http.exchange(
        bench.conductor, EventClass.ADMIN, TKE, unit(1), lambda _, target: target.removeprefix("/")
    )
    closing.callback(Relay(folder / "tke", server.path, run).close)
    return folder / "tke"


@pytest.fixture
def strike_on() -> Callable[[Bench, str], None]:
    """Arm one fault of a bench by its id."""
    return lambda bench, text: bench.conductor.begin([Fault.parse(text)])


def test_lines_are_ordered_before_the_requests_that_follow_them(bench: Bench, relayed_to: Path) -> None:
    """A line that a program wrote before it sent a request stands before that request, every time."""
    assert bench.run("request", str(relayed_to), "30").exit_code == 0
    expected = [text for number in range(1, 31) for text in (f"request {number}", "a-before", "a-after")]
    assert bench.events == expected


def test_killed_at_a_line_before_its_next_request(
    bench: Bench, relayed_to: Path, server: "Server", strike_on: Callable[[Bench, str], None]
) -> None:
    """A program killed at a line has not sent what it would have sent next, however fast it was."""
    strike_on(bench, "tke@line.3-after")
    ended = bench.run("request", str(relayed_to), "30")
    assert ended.exit_code == -9
    assert ended.lines == ("request 1", "request 2", "request 3")
    assert server.seen == ["/a", "/a"]


def test_killed_after_a_request(
    bench: Bench, relayed_to: Path, server: "Server", strike_on: Callable[[Bench, str], None]
) -> None:
    """A program killed after its third request has printed three lines and no fourth one."""
    strike_on(bench, "tke@a.3-after")
    ended = bench.run("request", str(relayed_to), "30")
    assert ended.lines == ("request 1", "request 2", "request 3")
    assert server.seen == ["/a"] * 3
