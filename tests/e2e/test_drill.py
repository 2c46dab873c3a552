"""Drills at a terminal, from the briefing to the end, with the right recovery and with a wrong one."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.tools.drill.points import POINTS

if TYPE_CHECKING:
    from tests.e2e.conftest import Place

HIL = str(Path(sys.executable).with_name("hil"))
SMALL = ("--backend", "process", "--operational", "1", "--recovery", "1", "--keys", "8", "--delay", "0")
SECONDS = 100
PROMPT = r"drill\$ "
IN_THE_REWRAP = str([point.crash for point in POINTS].index("kms@C_WrapKey.6-after"))
IN_THE_DELAY = str([point.crash for point in POINTS].index("tke@message1.1-after"))
PROMOTED = str([point.crash for point in POINTS].index("tke@setimm.1-after"))

pytestmark = pytest.mark.slow

Lesson = Callable[..., "pexpect.spawn[str]"]


@pytest.fixture
def lesson(place: "Place") -> Iterator[Lesson]:
    """Start a drill at a terminal, up to the prompt of its shell; it is ended whatever the test does."""
    folder = place.runs / "lesson"
    terminals = []

    def start(*words: str) -> "pexpect.spawn[str]":
        terminal = pexpect.spawn(
            HIL,
            ["drill", "--dir", str(folder), *words],
            env={**place.environment, "TERM": "dumb"},
            encoding="utf-8",
            timeout=SECONDS,
            dimensions=(50, 200),
        )
        terminals.append(terminal)
        terminal.expect(PROMPT)
        return terminal

    yield start
    for terminal in terminals:
        terminal.close(force=True)
    place.hil("drill", "--end", "--dir", str(folder))
    place.nothing_left()


def _tke(terminal: "pexpect.spawn[str]", command: str, units: str = "") -> str:
    """Type a command of tke, answer what it asks, and return what stood on the terminal until the prompt."""
    terminal.sendline(f"tke {command}")
    shown = ""
    answers = {r"Answer \[y/N\]:\s+> ": "y", r"admin\d .*?\s+> ": sut.PASSWORD, r"NUM.*?\s+> ": units}
    while (found := terminal.expect([PROMPT, *answers])) != 0:
        shown += str(terminal.before)
        terminal.sendline(list(answers.values())[found - 1])
    return shown + str(terminal.before)


def _leave(terminal: "pexpect.spawn[str]") -> None:
    terminal.sendline("exit")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


def _check(place: "Place", *words: str) -> "subprocess.CompletedProcess[str]":
    return place.hil("drill", *(words or ("--check",)), "--dir", str(place.runs / "lesson"))


def test_the_right_recovery(place: "Place", lesson: Lesson) -> None:
    """Who reads the terminal and does what the page says saves every key, and is told which rule it was."""
    terminal = lesson(*SMALL, "--seed", IN_THE_REWRAP)
    briefing = str(terminal.before)
    assert "Delaying 30 seconds to allow server to discover new master key values" in briefing
    assert "KMS CRK rewrap successful" not in briefing
    assert "C_WrapKey" not in briefing  # the point is not told

    before = _check(place)
    assert before.returncode == 1
    assert before.stdout.endswith("OPEN: no key is lost, and the rotation is not complete\n")
    assert "keys: 8 of 8 safe" in before.stdout
    assert "cryptounit-mk-rotate" not in before.stdout  # nor is the way

    assert "Master key rotation successful." in _tke(terminal, "cryptounit-mk-rotate")
    _leave(terminal)
    for _ in range(2):  # looking changes nothing
        after = _check(place)
        assert after.returncode == 0, after
        assert "typed by you: cryptounit-mk-rotate\n" in after.stdout
        assert "rule of the page: auto: first message only (page, branch 2)" in after.stdout
        assert "another way" not in after.stdout
        assert after.stdout.endswith("SURVIVED: every key is readable and the rotation is complete\n")


def test_a_wrong_recovery(place: "Place", lesson: Lesson) -> None:
    """Who reruns the rotation after message 1 is shown how many keys that has cost, and the way."""
    terminal = lesson(*SMALL, "--seed", IN_THE_REWRAP)
    assert "409" in _tke(terminal, "auto-mk-rotate")
    _leave(terminal)
    after = _check(place)
    assert after.returncode == 1
    told = re.search(r"the master key of (\d+) keys is in no register any more", after.stdout)
    assert told
    assert f"keys: {8 - int(told[1])} of 8 safe" in after.stdout
    assert 0 < int(told[1]) < 8
    assert "so it should go: cryptounit-mk-rotate\n" in after.stdout
    assert after.stdout.endswith("LOST: keys are gone for good\n")


def test_a_wrong_recovery_that_cost_nothing(place: "Place", lesson: Lesson) -> None:
    """Where the forbidden rerun finds no rewrapped row every key survives, and the operator is warned."""
    terminal = lesson(*SMALL, "--seed", IN_THE_DELAY)
    assert "Master key rotation successful." in _tke(terminal, "auto-mk-rotate")
    _leave(terminal)
    after = _check(place)
    assert after.returncode == 0
    assert "so it should go: cryptounit-mk-rotate\nyou went another way; here it cost nothing" in after.stdout


def test_a_drill_that_is_left_and_taken_up_again(place: "Place", lesson: Lesson) -> None:
    """A drill goes on where it was left, what was typed before counts, and the way can be asked for."""
    terminal = lesson(*SMALL, "--seed", PROMOTED)
    assert "NEW MASTER KEY REGISTER" in _tke(terminal, "cryptounit-mks")
    _leave(terminal)
    again = lesson()
    told = _check(place, "--tell")
    assert told.returncode == 1
    way = "cryptounit-mks -> cryptounit-rm 1 -> cryptounit-mk-setimm"
    assert f"so it should go: {way}\n" in told.stdout
    _tke(again, "cryptounit-rm", "1")
    _tke(again, "cryptounit-mk-setimm")
    _leave(again)
    after = _check(place)
    assert after.returncode == 0, after
    assert "typed by you: cryptounit-mks -> cryptounit-rm -> cryptounit-mk-setimm\n" in after.stdout


@pytest.mark.usefixtures("lesson")
def test_without_a_terminal(place: "Place") -> None:
    """Without a terminal the environment is a file to source; a second drill in the folder is refused."""
    folder = place.runs / "lesson"
    started = place.hil("drill", "--dir", str(folder), *SMALL, "--seed", IN_THE_REWRAP)
    assert started.returncode == 0, started
    source = started.stdout.splitlines()[-1].removeprefix("In your shell: ")
    listed = subprocess.run(
        ["sh", "-c", f"{source}; tke cryptounits"],
        env={**os.environ, "TKE_INSTANCE": "/nowhere"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert listed.returncode == 0, listed
    assert (folder / "typed.txt").read_text() == "cryptounits\n"
    second = place.hil("drill", "--dir", str(folder), "--seed", "1")
    assert second.returncode == 64
    assert "a drill is under way" in second.stderr


@pytest.mark.usefixtures("lesson")
def test_what_the_folder_tells(place: "Place") -> None:
    """Transcript and record hold no password; files of others in the folder are left alone in the end."""
    folder = place.runs / "lesson"
    assert place.hil("drill", "--dir", str(folder), *SMALL, "--seed", IN_THE_REWRAP).returncode == 0
    texts = [(folder / name).read_text() for name in ("transcript.txt", "drill.json", "typed.txt", "env.sh")]
    assert not any(sut.PASSWORD in text for text in texts)
    assert json.loads(texts[1])["way"]["commands"] == ["cryptounit-mk-rotate"]
    (folder / "notes.txt").write_text("mine")
    ended = _check(place, "--end")
    assert ended.returncode == 0, ended
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    assert _check(place, "--end").returncode == 64


def test_only_a_drill_ends_a_drill(lesson: Lesson, place: "Place") -> None:
    """'hil down' refuses, as it would leave half of it; --check and --end in one are refused, too."""
    lesson("--seed", IN_THE_DELAY, *SMALL).sendline("exit")
    folder = place.runs / "lesson"
    refused = place.hil("down", "--dir", str(folder))
    assert (refused.returncode, f"end it: hil drill --end --dir {folder}" in refused.stderr) == (64, True)
    both = place.hil("drill", "--check", "--end", "--dir", str(folder))
    assert (both.returncode, "give --check and --end one after the other" in both.stderr) == (64, True)
    assert place.hil("drill", "--check", "--dir", str(folder)).returncode == 1
    ended = place.hil("drill", "--end", "--dir", str(folder))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert not folder.exists()
