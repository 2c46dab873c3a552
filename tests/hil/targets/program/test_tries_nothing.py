"""Campaigns on systems under test that try nothing: no pass, and no contradiction, on every door."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from hil.cli import main
from hil.model.verdicts import Exit, Gate
from hil.targets.program.profile import ProgramProfile
from hil.targets.program.stored import SutRun

Toy = Callable[[str], ProgramProfile]
FAILS = 'print("rotated")', 'sys.exit("no token")'
LEAVES = (
    'print("rotated")',
    "subprocess.Popen(['sleep', '300'], start_new_session=True, stdout=subprocess.DEVNULL)",
)

# Way of the tool, change of the tool, change of the profile, and what is said.
UNTRIED = {
    "every file is ignored": (
        ("careful", (), ('victim = "tool"', 'victim = "tool"\nignore = ["*"]')),
        "proves nothing: the rotation makes no durable call in its folder",
    ),
    "it fails": (
        ("careful", FAILS, ()),
        "proves nothing: 'rotate', which nobody kills, ended with exit code 1: no token",
    ),
    "it rotates half": (
        ("half_done", (), ()),
        "proves nothing: 'rotate', which nobody kills, leaves 1 of 2 keys under the old secret: b",
    ),
    "it leaves a process": (("careful", LEAVES, ()), "proves nothing: 'rotate' left sleep 300 (process "),
    "no fault is chosen": (("careful", (), ()), "proves nothing: no scenario of the plan has a fault"),
}


def prepared(toy: Toy, way: str, tool: Sequence[str], profile: Sequence[str]) -> Path:
    """Write tool and profile with a change in each; return the path of the profile."""
    path = toy(way).path
    for file, change in ((path.with_name("tool.py"), tool), (path, profile)):
        if change:
            assert change[0] in file.read_text()
            file.write_text(file.read_text().replace(change[0], change[1]))
    return path


@pytest.mark.parametrize("case", UNTRIED)
def test_nothing_tried(toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    """It is inconclusive in its exit code, its record and all reports, which say why in a line."""
    changes, why = UNTRIED[case]
    path, folder = prepared(toy, *changes), tmp_path / "run"
    only = ["--only", "*/none/*"] if case == "no fault is chosen" else []
    argv = ["sut", "run", str(path), "--jobs", "1", "--out", str(folder), *only]
    assert main(argv) == Exit.INCONCLUSIVE
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith(why)]
    assert not [line for line in lines if "PASS" in line or "not as documented" in line]
    campaign = json.loads((folder / "campaign.json").read_text())
    assert campaign["gate"] == Gate.INCONCLUSIVE
    assert f"proves nothing: {campaign['untried'][0]}" in lines
    assert main(["report", str(folder)]) == Exit.AS_DOCUMENTED
    for name in ("summary.md", "junit.xml", "report.html"):
        text = (folder / name).read_text()
        assert why.partition("'")[0] in text
        assert "INCONCLUSIVE" in text
        assert "PASS:" not in text
    assert '<failure type="inconclusive"' in (folder / "junit.xml").read_text()


def test_reports_of_a_run_that_was_broken_off(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without campaign.json the same judgement follows from the results: one function gives both."""
    path, folder = prepared(toy, "half_done", (), ()), tmp_path / "run"
    assert main(["sut", "run", str(path), "--jobs", "1", "--out", str(folder)]) == Exit.INCONCLUSIVE
    whole = SutRun.read(folder).judged
    (folder / "campaign.json").unlink()
    assert SutRun.read(folder).judged == whole
    assert main(["report", str(folder)]) == Exit.AS_DOCUMENTED
    assert whole.untried[0] in (folder / "report.html").read_text()
    capsys.readouterr()


@pytest.mark.parametrize("command", ["run", "check"])
def test_no_key(toy: Toy, capsys: pytest.CaptureFixture[str], command: str) -> None:
    """A check that names no key is not taken as golden: with an empty ledger nothing can be lost."""
    path = prepared(toy, "careful", ("for name in names}}", "for name in ()}}"), ())
    out = ["--out", str(path.with_name("run"))] if command == "run" else []
    assert main(["sut", command, str(path), *out]) == Exit.INCONCLUSIVE
    assert capsys.readouterr().err.startswith("hil: toy: the check names no key, so nothing could be lost;")
    assert not path.with_name("run").exists()


def test_what_is_wrong_before_the_rotation_is_named(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    """A golden state with a key that is not old, or with a problem alone, is refused with just that."""
    path = prepared(toy, "careful", ('"old secret-"', '"new secret-"'), ())
    assert main(["sut", "check", str(path)]) == Exit.HARNESS_ERROR
    assert "every key has to be 'old', and a is 'new', b is 'new'" in capsys.readouterr().err
    path = prepared(
        toy, "careful", ("for name in names}}", 'for name in names}, "problems": ["a leftover"]}'), ()
    )
    assert main(["sut", "check", str(path)]) == Exit.HARNESS_ERROR
    said = capsys.readouterr().err
    assert "before the rotation the check finds fault already: a leftover" in said
    assert "'old'" not in said
