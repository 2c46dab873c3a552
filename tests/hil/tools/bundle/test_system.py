"""The evidence of another system under test, handed on."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from hil.cli import main
from hil.model.verdicts import Exit
from tests.hil.targets.program.conftest import make

# One has the form of a key and one has none; the set-up puts both into the ledger, the tool prints them, and
# the check prints one of them.
KEY, PIN = "0123456789abcdef" * 2, "correct horse"
TELL = f"""
import pathlib, sys
for name, text in (("key", "{KEY[:16]}" * 2), ("pin", "{PIN}")):
    if sys.argv[1] == "make":
        pathlib.Path(sys.argv[2], name).write_text(text)
    elif sys.argv[1] == "careless":
        print(text, flush=True)
"""
PROBLEM = f'"problems": ["{PIN}"] * (state("a") == "gone")'


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of a careless tool that prints its secrets."""
    folder = tmp_path_factory.mktemp("told")
    profile = make(folder, "careless").path
    profile.write_text(profile.read_text().replace('"make"]', '"make", "{ledger}"]'))
    tool = folder / "tool.py"
    tool.write_text(TELL + tool.read_text().replace("in names}}", f"in names}}, {PROBLEM}}}"))
    argv = ["sut", "run", str(profile), "--only", "*write*", "--out", str(folder / "run")]
    assert main(argv) == Exit.CONTRADICTED
    return folder / "run"


@pytest.fixture
def bundle(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A bundle of it."""
    path = tmp_path / "it.zip"
    assert main(["bundle", "make", str(run), "--out", str(path)]) == Exit.AS_DOCUMENTED
    capsys.readouterr()
    return path


def test_what_it_takes_to_play_it_again(bundle: Path, tmp_path: Path) -> None:
    """The profile is in it with the files that it names, and its commands lead to the same verdict."""
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(tmp_path / "elsewhere")
    commands = (tmp_path / "elsewhere" / "REPRODUCE.md").read_text().splitlines()
    (again,) = [line for line in commands if line.startswith("hil sut run") and "@write.1-" in line]
    _, _, _, profile, _, name = again.split()
    out = tmp_path / "again"
    argv = ["sut", "run", str(tmp_path / "elsewhere" / profile), "--only", name, "--out", str(out)]
    assert main(argv) == Exit.CONTRADICTED
    (played,) = json.loads((out / "campaign.json").read_text())["scenarios"]
    assert (played["id"], played["verdict"]) == (name, "DATA_LOST")


def test_no_secret_leaves(run: Path, bundle: Path) -> None:
    """What tool and check printed of their secrets is neither in the run directory nor in the bundle."""
    transcript = (run / "scenarios" / "1" / "transcript.txt").read_text()
    assert transcript.count("\n[redacted secret ") == 2 * transcript.count("$ rotate\n")
    findings = json.loads((run / "scenarios" / "1" / "verdict.json").read_text())["findings"]
    assert {"check": "left", "text": "[redacted secret 1]"} in findings
    written = [path.read_bytes() for path in run.glob("scenarios/*/*") if path.is_file()]
    with zipfile.ZipFile(bundle) as archive:
        written += [archive.read(name) for name in archive.namelist() if "/sut/" not in name]
    for secret in (KEY, PIN):
        assert not [data for data in written if secret.encode() in data]


def test_a_flipped_byte_is_named(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On another folder the bundle is whole; with one byte changed, the file that it is in is named."""
    copy = Path(shutil.copy(bundle, tmp_path / "copy.zip"))
    assert main(["bundle", "verify", str(copy)]) == Exit.AS_DOCUMENTED
    with zipfile.ZipFile(copy) as archive:
        member = archive.getinfo("run/sut/tool.py")
    data = bytearray(copy.read_bytes())
    data[member.header_offset + 30 + len(member.filename) + member.compress_size // 2] ^= 1
    copy.write_bytes(data)
    capsys.readouterr()
    assert main(["bundle", "verify", str(copy)]) == Exit.CONTRADICTED
    assert capsys.readouterr().out.startswith("run/sut/tool.py ")
