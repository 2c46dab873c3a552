"""The command line itself: usage, help, aliases, answers that do not come, what a terminal shows."""

import os
import signal
import sys
from typing import TYPE_CHECKING

import pexpect
import pytest

from hsm_emulator.tke.cli import main
from hsm_emulator.tke.commands import BY_NAME, COMMANDS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hsm_emulator.tke.rig import Rig

PASSWORD = "correct horse"
YES = ("Answer [y/N]:", "y")
DOCUMENTED = (
    "auto-init auto-mk-rotate auto-recover auto-mk-recover cryptounits cryptounit-add cryptounit-rm "
    "cryptounit-compare cryptounit-admins cryptounit-admin-add cryptounit-admin-rm cryptounit-thrhlds "
    "cryptounit-thrhld-set cryptounit-exit-impr cryptounit-mk cryptounit-mks cryptounit-mk-load "
    "cryptounit-mk-commit cryptounit-mk-setimm cryptounit-mk-rotate cryptounit-mk-clrnew "
    "cryptounit-mk-clrcur cryptounit-zeroize mk-add mks mk-rm sigkey-add sigkeys sigkey-sel sigkey-rm"
)


def test_every_documented_command_is_there() -> None:
    """Each command of the reference is found by its name; two are ours, and no name stands for two."""
    assert set(DOCUMENTED.split()) | {"login", "rotation-status"} == set(BY_NAME)
    assert len(BY_NAME) == sum(1 + len(entry.aliases) for entry in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["cryptounit-mk-promote"],
            "tke: there is no command 'cryptounit-mk-promote'; 'tke help' lists them.\n",
        ),
        (["mk-add"], "tke: usage: tke mk-add --random | --value\n"),
        (["cryptounits", "all"], "tke: usage: tke cryptounits\n"),
        (["help", "nothing"], "tke: there is no command 'nothing'; 'tke help' lists them.\n"),
    ],
)
def test_wrong_usage(arguments: list[str], says: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Wrong usage is one line on stderr that says what to type, and exit code 64."""
    assert main(arguments) == 64
    assert capfd.readouterr() == ("", says)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CLOUDTKEFILES", ""),
        ("CLOUDTKEFILES", "/nowhere"),
        ("TKE_DELAY_SECONDS", "soon"),
        ("TKE_DELAY_SECONDS", "-1"),
        ("TKE_CALL_SECONDS", "0"),
        ("TKE_REWRAP_SECONDS", "inf"),
    ],
)
def test_wrong_environment(
    variable: str,
    value: str,
    tmp_path: "Path",
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A setting that makes no sense is one line on stderr that names it, and exit code 64."""
    monkeypatch.setenv("CLOUDTKEFILES", str(tmp_path))
    monkeypatch.setenv(variable, value)
    assert main(["sigkeys"]) == 64
    printed = capfd.readouterr()
    assert printed.out == ""
    assert variable in printed.err
    assert printed.err.count("\n") == 1


def test_help_names_every_command(capfd: pytest.CaptureFixture[str]) -> None:
    """Help lists every command and alias, with or without being asked for; a command tells its own usage."""
    assert main([]) == 0
    without = capfd.readouterr().out
    assert main(["-h"]) == 0
    assert capfd.readouterr().out == without
    assert all(name in without for name in BY_NAME)
    assert main(["cryptounit-mks", "--help"]) == 0
    assert "USAGE:\n   tke cryptounit-mk\n" in capfd.readouterr().out


def test_alias_shows_the_same_screen(rig: "Rig") -> None:
    """cryptounit-mks, as the troubleshooting page writes it, is cryptounit-mk."""
    assert rig.done("cryptounit-mks").lines == rig.done("cryptounit-mk").lines


def test_refused_answers_change_nothing(rig: "Rig") -> None:
    """No, nothing, the end of input, a wrong password: one reason, exit code 1, every file as before."""
    before = rig.digest()
    for answers, says in (
        ((("Answer [y/N]:", "n"),), "The command was cancelled."),
        ((("Answer [y/N]:", ""),), "The command was cancelled."),
        ((), "The input ended before all questions were answered."),
        ((YES,), "The input ended before all questions were answered."),
        ((YES, ("admin1 (", "wrong")), "The password for signature key file 1 is incorrect."),
    ):
        ended = rig.tke("auto-mk-rotate", *answers)
        assert ended.code == 1
        assert says in ended.text
        assert rig.digest() == before


def test_numbers_that_do_not_fit(rig: "Rig") -> None:
    """A list of units with a stranger, a word or nothing in it is refused whole."""
    before = rig.digest()
    for answer in ("1 9", "1 two", "", "-1"):
        ended = rig.tke("cryptounit-rm", ("to remove", answer))
        assert ended.code == 1
        assert "possible values: 1, 2, 3, 4, 5" in ended.text
        assert rig.digest() == before


def test_nothing_selected(rig: "Rig") -> None:
    """A command on the selected units says how to select some where there are none."""
    rig.done("cryptounit-rm", ("to remove", "1 2 3 4 5"))
    ended = rig.tke("cryptounit-mk")
    assert ended.code == 1
    assert "Select crypto units with 'ibmcloud tke cryptounit-add'." in ended.lines


def test_terminal_shows_no_password(rig: "Rig") -> None:
    """At a terminal, typed answers are echoed and passwords are not; the rotation completes."""
    environment = {**rig.environment(), "TERM": "dumb"}
    with pexpect.spawn(
        sys.executable,
        ["-m", "hsm_emulator.tke", "auto-mk-rotate"],
        env=environment,
        timeout=20,
        encoding="utf-8",
    ) as child:
        child.expect(r"Answer \[y/N\]:\s+> ")
        child.sendline("y")
        transcript = "".join((child.before or "", str(child.after)))
        for name in ("admin1", "admin2"):
            child.expect(rf"{name} \([0-9a-f]{{30}}\.\.\.\)\s+> ")
            transcript += (child.before or "") + str(child.after)
            child.sendline(PASSWORD)
        child.expect(pexpect.EOF)
        transcript += child.before or ""
    assert child.exitstatus == 0, transcript
    assert "> y\r\n" in transcript
    assert "Master key rotation successful." in transcript
    assert PASSWORD not in transcript


def test_interrupt(rig: "Rig") -> None:
    """Ctrl-C at a question ends the command with one line, exit code 130 and the echo of the terminal on."""
    before = rig.digest()
    with pexpect.spawn(
        sys.executable, ["-m", "hsm_emulator.tke", "auto-mk-rotate"], env=rig.environment(), timeout=20
    ) as child:
        child.expect(rb"Answer \[y/N\]:\s+> ")
        child.sendline("y")
        child.expect(rb"admin1 \(\w+\.\.\.\)\s+> ")
        child.sendintr()
        child.expect(pexpect.EOF)
        assert child.before.replace(b"^C", b"").split() == [b"Interrupted."]
    assert child.exitstatus == 130
    assert rig.digest() == before


def test_reader_gone(rig: "Rig") -> None:
    """A command whose output nobody reads any more ends at the next line, without a traceback."""
    inward, outward = os.pipe()
    os.close(inward)
    process = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "hsm_emulator.tke", "sigkeys"],
        rig.environment(),
        file_actions=[(os.POSIX_SPAWN_DUP2, outward, 1), (os.POSIX_SPAWN_DUP2, outward, 2)],
        setsigdef=[signal.SIGPIPE],
    )
    os.close(outward)
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 1
