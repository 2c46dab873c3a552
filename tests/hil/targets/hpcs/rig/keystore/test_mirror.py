"""A folder put back to a copy of it, in place."""

import stat
from pathlib import Path

from hil.targets.hpcs.rig.keystore.mirror import mirror


def _tree(folder: Path) -> dict[str, bytes | None]:
    """Map every path below a folder to its content; None: a folder."""
    return {
        str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
        for path in folder.rglob("*")
    }


def _make(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def test_everything_becomes_as_in_the_copy(tmp_path: Path) -> None:
    """Changed, missing and added files and folders are put right, also a file that became a folder."""
    source = _make(tmp_path / "a", {"same": "1", "file": "2", "sub/one": "3", "deep/er/two": "4"})
    target = _make(tmp_path / "b", {"same": "1x", "file/x": "", "sub": "", "deep/extra/x": "", "more": ""})
    mirror(source, target)
    assert _tree(target) == _tree(source)


def test_modes_are_copied(tmp_path: Path) -> None:
    """A file that only its owner reads is so in the copy too, where it is new and where it was there."""
    source = _make(tmp_path / "a", {"pin": "1", "sub/pin": "2"})
    target = _make(tmp_path / "b", {"pin": ""})
    for name in ("pin", "sub/pin"):
        (source / name).chmod(0o600)
    (source / "sub").chmod(0o700)
    mirror(source, target)
    modes = {name: stat.S_IMODE((target / name).stat().st_mode) for name in ("pin", "sub", "sub/pin")}
    assert modes == {"pin": 0o600, "sub": 0o700, "sub/pin": 0o600}


def test_what_stands_in_both_keeps_its_inode(tmp_path: Path) -> None:
    """Who holds a folder or a file by mount, lock or descriptor holds it still, with its new content."""
    source = _make(tmp_path / "a", {"sub/lock": "", "sub/log": "old\n"})
    target = _make(tmp_path / "b", {"sub/lock": "", "sub/log": "old\nnew\n"})
    held = [target / name for name in (".", "sub", "sub/lock", "sub/log")]
    before = [path.stat().st_ino for path in held]
    with (target / "sub" / "log").open("a") as log:
        mirror(source, target)
        log.write("next\n")
    assert [path.stat().st_ino for path in held] == before
    assert (target / "sub" / "log").read_text() == "old\nnext\n"


def test_the_copy_is_not_touched(tmp_path: Path) -> None:
    """Links are removed as links, not followed, and the copy stays what it is."""
    source, target = _make(tmp_path / "a", {"one": "1"}), _make(tmp_path / "b", {})
    target.mkdir(exist_ok=True)
    (target / "link").symlink_to(source)
    mirror(source, target)
    assert _tree(target) == _tree(source) == {"one": b"1"}
