"""Standard streams that are closed, full or read by nobody, and errors that no command foresees."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hil.cli import commands, main
from hil.engine.rundir import RunDir
from hil.model.scenario import Scenario, not_judged
from hil.model.verdicts import Verdict

HIL = Path(sys.executable).with_name("hil")
SCHEMA = (str(HIL), "procedure", "schema")
HELP = (str(HIL), "procedure", "--help")
SECONDS = 60
FULL = "/dev/full"
NO_ROOM = "hil: standard output: No space left on device\n"
UNREADABLE = "/proc/self/mem"  # it can be opened, and reading from its beginning is an error

Each = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def each(tmp_path: Path) -> Each:
    """Run many commands in a folder that holds a transcript and a run; see each.py."""
    seen = "$ tke auto-mk-rotate\nEnter a password: \n$ \n"
    (tmp_path / "seen.txt").write_text(seen)
    rundir = RunDir.create(tmp_path / "run")
    scenario = Scenario.parse("auto/tke@commit.1-after/documented", Verdict.RECOVERED)
    rundir.write_plan([scenario])
    rundir.add_result(1, not_judged(scenario, "documented", "the power went"))

    def run(cases: object) -> list[dict[str, Any]]:
        ended = subprocess.run(
            [sys.executable, "-m", "tests.e2e.each", str(tmp_path), "errors.txt"],
            input=json.dumps(cases),
            cwd=Path(__file__).resolve().parents[2],
            env={**os.environ, "PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert ended.stderr == ""
        told: list[dict[str, Any]] = json.loads(ended.stdout)
        return told

    return run


def test_the_help_of_every_command_on_a_full_disk(each: Each) -> None:
    """Help that cannot be written is one line and the bench's failure, whichever command it is asked of."""
    told = each("help")
    assert {words[0] for case in told if len(words := case["argv"]) > 1} == set(commands.hil.commands)
    assert {(case["code"], case["errors"]) for case in told} == {(70, NO_ROOM)}


WRITE = (
    ["advise", "seen.txt"],
    ["advise", "--json", "seen.txt"],
    ["completion", "bash"],
    ["procedure", "schema"],
    ["report", "run"],
    ["recheck", "run"],
    ["run", "--backend", "process", "--profile", "smoke", "--out", "new"],
    ["replay", "auto/none/documented", "--backend", "process", "--keys", "8"],
    ["shrink", "auto/none/documented", "--backend", "process", "--keys", "8"],
)


def test_every_command_that_writes_on_a_full_disk(each: Each) -> None:
    """A command whose output has no room says so in one line, and ends as a failure of the bench."""
    for case in each([{"argv": argv, "stdout": FULL} for argv in WRITE]):
        assert (case["code"], case["errors"]) == (70, NO_ROOM), case


def test_a_complaint_on_a_full_disk(each: Each) -> None:
    """The exit code of what was typed wrong stays what it is where nothing at all can be written."""
    bad = (["status", "--dir", "nowhere"], ["ruin"], ["recheck", "no"])
    for case in each([{"argv": argv, "stdout": FULL, "stderr": FULL} for argv in bad]):
        assert (case["code"], case["errors"]) == (64, ""), case
    for case in each([{"argv": argv, "stdout": FULL} for argv in bad]):
        assert (case["code"], case["errors"].count("\n")) == (64, 1), case
    for case in each([{"argv": argv, "stderr": FULL} for argv in WRITE[:4]]):
        assert (case["code"], case["errors"]) == (2 if case["argv"][0] == "advise" else 0, ""), case


READ = (
    ["advise", UNREADABLE],
    ["advise", "seen.txt", "--registers", UNREADABLE],
    ["bundle", "verify", UNREADABLE],
    ["procedure", "check", UNREADABLE],
    ["replay", "auto/none/documented", "--procedure", UNREADABLE, "--keys", "8"],
    ["run", "--backend", "process", "--plan", UNREADABLE],
    ["run", "--module-profile", UNREADABLE],
    ["sut", "check", UNREADABLE],
    ["sut", "run", UNREADABLE],
    ["up", "--module-profile", UNREADABLE],
    ["validate", "--procedure", UNREADABLE],
)


def test_a_file_that_cannot_be_read_to_its_end(each: Each) -> None:
    """It is named in one line with what the system says, exit code 64, wherever a file is given."""
    for case in each([{"argv": argv} for argv in READ]):
        assert (case["code"], case["errors"].count("\n")) == (64, 1), case
        assert UNREADABLE in case["errors"], case
        assert "Input/output error" in case["errors"], case


@pytest.mark.parametrize("argv", [SCHEMA, HELP])
def test_a_pipe_that_nobody_reads(argv: tuple[str, ...]) -> None:
    """It counts as an interrupt and says nothing: exit code 1 would tell a script that keys are lost."""
    unread, written = os.pipe()
    os.close(unread)
    ended = subprocess.run(argv, stdout=written, stderr=subprocess.PIPE, timeout=SECONDS)
    os.close(written)
    assert (ended.returncode, ended.stderr) == (130, b"")


def test_a_full_disk_behind_standard_output() -> None:
    """What could not be written is one line, and the bench's failure."""
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(SCHEMA, stdout=full, stderr=subprocess.PIPE, timeout=SECONDS)
    assert (ended.returncode, ended.stderr) == (70, NO_ROOM.encode())


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams(closed: str) -> None:
    """A command runs with any of its standard streams closed."""
    ended = subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", *SCHEMA], timeout=SECONDS)
    assert ended.returncode == 0


def test_children_of_a_command_without_streams() -> None:
    """What a command starts has standard streams as well."""
    code = "import subprocess\nfrom hil.cli import streams\nstreams.prepare()\n"
    code += (
        "raise SystemExit(subprocess.run(['sh', '-c', 'read nothing; echo said; echo said >&2']).returncode)"
    )
    ended = subprocess.run(
        ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", code], timeout=SECONDS
    )
    assert ended.returncode == 0


def test_nothing_to_read(tmp_path: Path) -> None:
    """Advice on a closed standard input is advice on nothing."""
    ended = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", str(HIL), "advise"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        timeout=SECONDS,
    )
    told = b"hil: standard input is empty; give the terminal's text from the command line on\n"
    assert (ended.returncode, ended.stderr) == (64, told)


@pytest.mark.parametrize(
    "locale",
    [
        {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
)
def test_another_encoding(tmp_path: Path, locale: dict[str, str]) -> None:
    """Files are UTF-8 whatever the locale, and what a stream cannot show does not end a command."""
    seen = "$ tke auto-mk-rotate\n“Delaying 30 seconds to allow server to discover new master key values”\n"
    (tmp_path / "seen.txt").write_text(seen, encoding="utf-8")
    ended = subprocess.run(
        [str(HIL), "advise", "--lang", "ja", "seen.txt"],
        cwd=tmp_path,
        env={**os.environ, **locale},
        capture_output=True,
        timeout=SECONDS,
    )
    assert (ended.returncode, ended.stderr) == (2, b"")
    assert ended.stdout


def test_a_name_that_is_too_long(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A name that is too long for the system is one line, exit code 64, wherever it is given."""
    long = "n" * 300
    for argv in (
        ["recheck", long],
        ["status", "--dir", str(tmp_path / long)],
        ["up", "--backend", "process", "--dir", str(tmp_path / long)],
        ["run", "--backend", "process", "--out", str(tmp_path / long)],
    ):
        assert main(argv) == 64
        said = capfd.readouterr()
        assert (said.out, said.err.count("\n")) == ("", 1)
        assert "File name too long" in said.err


def test_an_interrupt_while_everything_is_imported() -> None:
    """It is one line as well, and exit code 130."""
    code = (
        "import signal, sys\n"
        "from hil.cli import main\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'hil.cli.commands':\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "sys.exit(main(['doctor']))\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=SECONDS)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, b"", b"hil: interrupted\n")


def test_a_mistake_of_the_bench(capfd: pytest.CaptureFixture[str]) -> None:
    """It is told with its place and as exit code 70, never as 1: that would say that keys are lost."""
    with pytest.raises(KeyError) as caught:
        dict[str, str]()["units"]
    assert commands._unexpected(caught.value) == 70
    said = capfd.readouterr().err
    assert said.startswith("Traceback")
    assert said.splitlines()[-1] == "hil: the bench itself failed: KeyError: 'units'"
