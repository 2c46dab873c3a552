"""A campaign at a terminal, and what an interrupt says."""

import os
import re
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect

if TYPE_CHECKING:
    from tests.e2e.conftest import Place

HIL = str(Path(sys.executable).with_name("hil"))
SMALL = ("--backend", "process", "--operational", "1", "--recovery", "1", "--keys", "8")
SECONDS = 100
ERASE = "\r\x1b[K"
LOST = "auto/kms@C_WrapKey.6-after/rerun-after-message-1"


def _screen(text: str) -> list[str]:
    """Lines that are left when every erasure has been carried out."""
    return [re.split(re.escape(ERASE), line.rstrip("\r"))[-1] for line in text.split("\n")]


def test_a_campaign_at_a_terminal(place: "Place") -> None:
    """A line moves through the phases and is gone in the end; the last lines are gate, report and replay."""
    plan = place.plan({"auto/tke@message1.1-after/documented": "RECOVERED", LOST: "RECOVERED"})
    environment = {name: value for name, value in place.environment.items() if name != "NO_COLOR"}
    terminal = pexpect.spawn(
        HIL,
        ["run", *SMALL, "--plan", str(plan), "--out", "run"],
        env={**environment, "TERM": "xterm"},
        cwd=str(place.runs),
        encoding="utf-8",
        timeout=SECONDS,
        dimensions=(24, 100),
    )
    terminal.expect(pexpect.EOF)
    terminal.close()
    text = str(terminal.before)
    assert terminal.exitstatus == 1
    for phase in ("golden state, ", "playing, ", "playing 1/2"):
        assert f"{ERASE}{phase}" in text
    assert max(len(part) for part in text.split(ERASE) if "\n" not in part) < 100  # never wrapped
    left = [line for line in _screen(text) if line]
    assert left[0].endswith("evidence in run")
    assert [line[:5] for line in left[1:3]] == ["[1/2]", "[2/2]"]
    assert left[-3:] == [
        "FAIL: data lost, stuck, or the documentation contradicted",
        "report: run/report.html",
        f"again: hil replay {LOST} --run run",
    ]
    place.nothing_left()


def test_an_interrupted_replay(place: "Place") -> None:
    """Who interrupts a replay is not told of a run directory, as there is none; nothing is left."""
    with place.start("replay", LOST, *SMALL) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline().startswith(LOST)
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(SECONDS) == 130
        assert process.stderr.read().strip() == "hil: interrupted"
    place.nothing_left()
