"""Programs that make tokens fail in one line, and are gone then."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hsm_emulator.unit import tool
from hsm_emulator.unit.token import TokenError

SECONDS = 30
SLOW = "sleep 61.7 & echo waiting for 1234; wait"


def test_what_it_said_is_told() -> None:
    """The last lines are in the error, without PINs, signs that steer a terminal, or the other words."""
    script = "printf 'one\\ntwo\\nthree 1234\\n\\033[31mfour\\n\\n' >&2; exit 7"
    with pytest.raises(TokenError) as caught:
        tool.run(["sh", "-c", script, "5678"], ["1234", ""])
    assert str(caught.value) == "no token: sh ended with exit code 7: two; three (PIN); [31mfour"


def test_a_failure_without_a_word() -> None:
    """Where it has said nothing, its exit code is all."""
    with pytest.raises(TokenError, match=r"^no token: false ended with exit code 1$"):
        tool.run(["false"], [])


def test_one_that_does_not_end() -> None:
    """A program that takes too long is ended with all that it has started, and what it said is told."""
    with pytest.raises(TokenError, match=r"^no token: sh did not end within 0.5 s: waiting for \(PIN\)$"):
        tool.run(["sh", "-c", SLOW], ["1234"], seconds=0.5)
    running = (path for path in Path("/proc").glob("[0-9]*/cmdline"))
    assert not any(_is(path, b"sleep\x0061.7\x00") for path in running)


def _is(path: Path, command: bytes) -> bool:
    try:
        return path.read_bytes() == command
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_no_pin_of_softhsm_in_an_error(tmp_path: Path) -> None:
    """The PIN and SO-PIN for one use, which a command line shows, are in no error of SoftHSM."""
    fake = tmp_path / "softhsm2-util"
    fake.write_text('#!/bin/sh\necho "cannot use $*" >&2\nexit 1\n')
    fake.chmod(0o755)
    secret = tmp_path / "secret"
    secret.touch()
    words = ["--number", "1", "--type", "RECOVERY", "--location", "[a].[01]", "--iam-secret", str(secret)]
    ended = subprocess.run(
        [sys.executable, "-m", "hsm_emulator.unit", "init", "--dir", str(tmp_path / "1"), *words],
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ended.returncode == 1
    assert "softhsm2-util ended with exit code 1: cannot use --init-token" in ended.stderr
    assert "--pin (PIN) --so-pin (PIN)" in ended.stderr
