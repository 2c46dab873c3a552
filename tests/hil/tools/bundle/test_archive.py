"""The archive: nothing in it can change without being named."""

import zipfile
from pathlib import Path

import pytest

from hil.tools.bundle import archive, form, verify
from hil.tools.bundle.archive import BadBundle

FILES = {"run/plan.jsonl": b'{"number": 1}\n' * 20, "run/scenarios/1/transcript.txt": b"$ auto-mk-rotate\n"}


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A bundle of two files."""
    path = tmp_path / "evidence.zip"
    archive.write(path, FILES.items(), {"run": "test"})
    return path


def _problems(path: Path) -> list[str]:
    return [f"{problem.path} {problem.text}" for problem in verify.check(path).problems]


def test_as_made(made: Path, tmp_path: Path) -> None:
    """A bundle that was moved checks without a problem, and is no larger a promise than its manifest."""
    moved = made.rename(tmp_path / "elsewhere")
    checked = verify.check(moved)
    assert (checked.files, checked.problems) == (2, ())


def test_the_same_evidence_makes_the_same_archive(made: Path, tmp_path: Path) -> None:
    """Neither the day nor the order of the files changes a byte."""
    again = tmp_path / "again.zip"
    digest = archive.write(again, reversed(FILES.items()), {"run": "test"})
    assert again.read_bytes() == made.read_bytes()
    assert digest == verify.check(made).manifest


def test_every_flipped_byte_is_found(made: Path) -> None:
    """Wherever one byte is flipped, the check names a member, or says that the bundle cannot be read."""
    whole = made.read_bytes()
    for at in range(len(whole)):
        made.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            found = _problems(made)
        except BadBundle:
            continue
        assert found, f"byte {at} of {len(whole)}"


def test_a_flipped_byte_of_a_file_names_that_file(made: Path) -> None:
    """One flipped byte in the middle of a member's content names this member and no other."""
    whole = bytearray(made.read_bytes())
    with zipfile.ZipFile(made) as opened:
        info = opened.getinfo("run/plan.jsonl")
    whole[info.header_offset + len(info.FileHeader()) + info.compress_size // 2] ^= 0x10
    made.write_bytes(whole)
    assert [problem.path for problem in verify.check(made).problems] == ["run/plan.jsonl"]


def test_exchanged_missing_and_added(made: Path) -> None:
    """A file that was exchanged, one that is missing and one that was added are each named."""
    with zipfile.ZipFile(made) as opened:
        manifest = opened.read(form.MANIFEST)
    with zipfile.ZipFile(made, "w") as forged:
        forged.writestr(form.MANIFEST, manifest)
        forged.writestr("run/plan.jsonl", b"another plan")
        forged.writestr("run/more.txt", b"more")
    found = _problems(made)
    assert "run/plan.jsonl is not the file that the manifest names" in found
    assert "run/scenarios/1/transcript.txt is missing" in found
    assert "run/more.txt is not in the manifest" in found


@pytest.mark.parametrize("content", [b"", b"no zip at all", None])
def test_no_bundle(tmp_path: Path, content: bytes | None) -> None:
    """What is no bundle, or is not there, is refused in one line."""
    path = tmp_path / "evidence.zip"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadBundle, match=r"evidence\.zip"):
        verify.check(path)
