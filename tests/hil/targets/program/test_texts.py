"""What a system under test and its check say, in every place where somebody reads it."""

import base64
import json
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hil.cli import main
from hil.model.verdicts import Exit
from hil.targets.program.profile import ProgramProfile

EVIL = (
    b"left \x1b[31mbehind\x00",
    b"left\n::warning::not of the bench",
    b"left\r\n::error::not of the bench",
    b"key-\xff.tmp",
    b"\xc2\x9b31m \xc2\x85 \xe2\x80\xae evil \x07",
    b"##[error]not of the bench",
    b"]]> <b>&amp; %0A::error::x | `code`",
    b"\xed\xa0\x80 half a pair",
)
# Each of them as a problem, the name of a key, the name of a file and as what the command prints.
SAYS = f"""
import json, os, pathlib, sys
EVIL = {EVIL!r}
task = sys.argv[1]
if task == "make":
    pathlib.Path("key").write_text("old")
elif task == "check":
    word = pathlib.Path("key").read_text() or "gone"
    names = [os.fsdecode(text) for text in EVIL]
    print(json.dumps({{"keys": {{name: word for name in names}}, "problems": names * (word == "new")}}))
else:
    for text in EVIL:
        os.write(1, text + b"\\n")
    for text in EVIL[::3]:
        os.close(os.open(text.replace(b"/", b"").replace(b"\\0", b""), os.O_CREAT | os.O_WRONLY))
    pathlib.Path("key").write_text("new")
    print("rotated")
"""
MULTILINE = (".txt", ".md", ".xml", ".html", ".jsonl", ".json", ".toml", ".py")


def steering(text: str) -> set[str]:
    """Return the characters of a text that steer whoever reads it, but for ends of lines and tabs."""
    return {sign for sign in text if unicodedata.category(sign) in ("Cc", "Cf", "Cs") and sign not in "\n\t"}


def values(value: object) -> Iterator[str]:
    """Yield every text in data from JSON, and every name."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from (name, *values(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from values(inner)


def blocks(page: str) -> Iterator[str]:
    """Yield the details of scenarios that a page has packed."""
    for block in re.findall(r"data-block=[^>]*>([^<]+)<", page):
        yield zlib.decompress(base64.b64decode(block)).decode()


def test_nothing_steers_who_reads_it(
    toy: Callable[[str], ProgramProfile],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Problems, names of keys and files, and output reach log, reports and bundle in a form that is safe."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    path = toy("careful").path
    (tmp_path / "tool.py").write_text(SAYS)
    folder, bundle = tmp_path / "run", tmp_path / "bundle.zip"
    assert main(["sut", "run", str(path), "--jobs", "1", "--out", str(folder)]) == Exit.CONTRADICTED
    assert main(["bundle", "make", str(folder), "--out", str(bundle)]) == Exit.AS_DOCUMENTED
    assert main(["bundle", "verify", str(bundle)]) == Exit.AS_DOCUMENTED
    printed = capsys.readouterr()
    log = printed.out + printed.err
    assert r"left \x1b[31mbehind\x00" in log
    assert not [line for line in log.splitlines() if line.lstrip().startswith("::") or "##[" in line]
    assert steering(log) == set()
    reports = [folder / name for name in ("report.html", "summary.md", "junit.xml")]
    assert all(file.exists() for file in reports)
    details = "".join(values([json.loads(block) for block in blocks(reports[0].read_text())]))
    assert r"key-\xff.tmp" in details
    assert steering(details) == set()
    for file in (
        file for file in folder.rglob("*") if file.suffix in MULTILINE and file.parent.name != "sut"
    ):
        assert steering(file.read_text(encoding="utf-8")) == set(), file
        if file.suffix in (".json", ".jsonl"):
            lines = file.read_text().splitlines() if file.suffix == ".jsonl" else [file.read_text()]
            assert steering("".join(text for line in lines for text in values(json.loads(line)))) == set()
    with zipfile.ZipFile(bundle) as archive:
        assert steering("".join(map(str, archive.namelist()))) == set()
