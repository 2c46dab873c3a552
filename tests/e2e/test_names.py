"""Names of files and folders that people have: each works wherever a path goes, or is refused in one line."""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from hil.cli import commands, main
from hil.cli.options import NamedPath
from hil.targets.hpcs.rig.layout import scratch

HIL = Path(sys.executable).with_name("hil")
ROOT = Path(__file__).resolve().parents[2]
SECONDS = 100
PATH_FOLLOWS = r"(--(out|dir|run|end)|hil (sut check|sut run|report|bundle|recheck|merge)) $"
QUOTED = r"shlex\.(quote|join)\(.*\)|quoted"
# What is read as something else by a shell, by SQLite's URI, by SoftHSM's file, by a template, by an option.
ODD = '-#1 %41 q?x it\'s "q" a:b=c; {tokens} [x] $HOME \\ü '
FIT = (*ODD.split(), "a b", " blank", "blank ", "~", "*", "ü", "鍵", "@", "a,b", "x" * 200)
UNFIT = ("two\nlines", "red\x1b[31m", "tab\there", os.fsdecode(b"latin-\xfc"), "line\u2028separator")


def _parameters(command: click.Command, path: str = "hil") -> Iterator[tuple[str, click.Parameter]]:
    for parameter in command.params:
        yield f"{path} {parameter.name}", parameter
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from _parameters(inner, f"{path} {name}")


def test_every_path_on_the_command_line_is_looked_at() -> None:
    """No command takes a path that is not checked as all are."""
    paths = {where: one.type for where, one in _parameters(commands.hil) if isinstance(one.type, click.Path)}
    assert len(paths) > 20
    assert [where for where, kind in paths.items() if not isinstance(kind, NamedPath)] == []


@pytest.mark.parametrize("name", FIT)
def test_a_name_that_fits(name: str, tmp_path: Path) -> None:
    """It is taken as it is, relative or not."""
    assert NamedPath().convert(name, None, None) == Path(name)
    assert NamedPath().convert(str(tmp_path / name), None, None) == tmp_path / name


@pytest.mark.parametrize("name", UNFIT)
@pytest.mark.parametrize(
    "argv",
    [
        ("run", "--backend", "process", "--out"),
        ("plan", "--out"),
        ("up", "--backend", "process", "--dir"),
        ("status", "--dir"),
        ("drill", "--backend", "process", "--dir"),
        ("report",),
        ("recheck",),
        ("bundle",),
        ("sut", "run"),
        ("validate", "--procedure"),
        ("up", "--module-profile"),
    ],
    ids=" ".join,
)
def test_a_name_that_does_not_fit(
    argv: tuple[str, ...],
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """One line says so before anything is made, itself without the sign that is in the way."""
    monkeypatch.chdir(tmp_path)
    assert main([*argv, name]) == 64
    said = capfd.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert re.search(
        r"(is not UTF-8|has a line break or another control character in it); use another", said.err
    )
    assert said.err.isascii()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", UNFIT)
@pytest.mark.parametrize(
    "argv", [("run",), ("up",), ("drill",), ("plan", "--out", "plan.jsonl"), ("status",)]
)
def test_a_current_folder_whose_name_does_not_fit(
    argv: tuple[str, ...],
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A path that is given from there has that name in it, and so has a default."""
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)
    assert main(argv) == 64
    assert capfd.readouterr().err.count("\n") == 1
    assert list((tmp_path / name).iterdir()) == []


@pytest.mark.parametrize("name", UNFIT)
@pytest.mark.parametrize("argv", [("run", "--backend", "process"), ("up", "--backend", "process"), ("plan",)])
def test_a_scratch_place_whose_name_does_not_fit(
    argv: tuple[str, ...],
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """It is refused as any other is, and HIL_TMP is named."""
    monkeypatch.chdir(tmp_path)
    place = scratch("test-") / name
    place.mkdir()
    monkeypatch.setenv("HIL_TMP", str(place))
    try:
        assert main(argv) == 64
        assert list(place.iterdir()) == []
    finally:
        shutil.rmtree(place.parent)
    said = capfd.readouterr().err
    assert (said.count("\n"), "HIL_TMP" in said) == (1, True)


def test_a_current_folder_that_is_gone(tmp_path: Path) -> None:
    """It is one line."""
    ran = subprocess.run(
        ["sh", "-c", 'mkdir gone && cd gone && rmdir ../gone && exec "$@"', "sh", HIL, "run"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert (ran.returncode, ran.stderr.count("\n")) == (64, 1)
    assert "the current folder is not there any more" in ran.stderr


def test_an_instance_whose_path_is_too_long(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """SQLite would not open its key store, so it is refused before anything is made."""
    deep = tmp_path / ("x" * 200) / ("y" * 200)
    assert main(["up", "--backend", "process", "--dir", str(deep)]) == 64
    assert "choose a shorter --dir" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


def _told(shell: str, before: str) -> str:
    """Return the command that the text tells, to be typed in another folder."""
    (words,) = [line.removeprefix(before) for line in shell.splitlines() if line.startswith(before)]
    return f"cd / && {shlex.quote(str(HIL))} {words}"


def test_paths_in_commands_are_quoted_once() -> None:
    """A command that a text tells can be pasted: no path in it stands bare, or within other quotes."""
    told = 0
    for file in (ROOT / "harness").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.JoinedStr):
                before = ""
                for part in node.values:
                    if isinstance(part, ast.FormattedValue) and re.search(PATH_FOLLOWS, before):
                        told += 1
                        assert re.fullmatch(QUOTED, ast.unparse(part.value)), f"{file}:{node.lineno}"
                        assert not re.search(r"'(\.venv/bin/)?hil [^']*$", before), f"{file}:{node.lineno}"
                    before += str(part.value) if isinstance(part, ast.Constant) else ast.unparse(part)
    assert told > 10


def test_an_instance_in_a_folder_with_an_odd_name(tmp_path: Path) -> None:
    """It is made there, read there, worked with by what is printed for a shell, and goes without a trace."""
    here = tmp_path / ODD
    here.mkdir()

    def ran(*argv: str, code: int = 0) -> str:
        done = subprocess.run(argv, cwd=here, capture_output=True, text=True, timeout=SECONDS)
        assert (done.returncode, done.stderr) == (code, ""), done
        return done.stdout

    size = ("--operational", "1", "--recovery", "1", "--keys", "8")
    shell = ran(str(HIL), "up", "--backend", "process", *size)
    try:
        assert json.loads(ran(str(HIL), "status", "--json"))["keys"] == {"total": 8, "readable": 8}
        exports = "\n".join(line for line in shell.splitlines() if line.startswith("export"))
        assert "CRYPTO UNIT" in ran("sh", "-c", f"{exports}\ntke login >/dev/null && tke cryptounits")
        assert "rows: " in ran("sh", "-c", _told(shell, "# Look: hil "))
    finally:
        assert "removed" in ran("sh", "-c", _told(shell, "# End: hil "))
    assert list(here.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == [here.name]


def test_a_campaign_with_odd_names(tmp_path: Path) -> None:
    """Scratch place, plan and run directory may be called so, and what plays it again is a whole command."""
    place = scratch("test-") / ODD[:20]
    place.mkdir()
    plan, out = tmp_path / f"{ODD}.jsonl", tmp_path / ODD
    scenario = {"number": 1, "id": "auto/tke@message1.1-after/documented", "expected": "RECOVERED"}
    plan.write_text(json.dumps(scenario) + "\n")
    options = ("--operational", "1", "--recovery", "1", "--keys", "8", "--jobs", "1", "--out", str(out))
    ran = subprocess.run(
        [HIL, "run", "--backend", "process", "--plan", plan, *options],
        env={**os.environ, "HIL_TMP": str(place)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    left = list(place.iterdir())
    shutil.rmtree(place.parent)
    assert ran.stderr == ""
    (result,) = json.loads((out / "campaign.json").read_text())["scenarios"]
    assert result["verdict"] == "RECOVERED"
    again = [line for line in ran.stdout.splitlines() if "hil replay" in line]
    assert all(str(out) in shlex.split(line) for line in again)
    assert left == []
