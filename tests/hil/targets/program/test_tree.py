"""Files of a system under test as they are before and after a restore."""

import contextlib
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from hil.targets.program import tree

HOLE = 8 * 1024 * 1024
WHEN = (1_000_000_000_123_456_789, 1_100_000_000_987_654_321)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a folder with one of every sort of file."""
    root = tmp_path / "source"
    (root / "closed").mkdir(parents=True)
    (root / "plain").write_text("key")
    os.link(root / "plain", root / "closed" / "second name")
    (root / "link").symlink_to("plain")
    (root / "dangling").symlink_to("/nowhere/at all")
    Path(os.fsdecode(os.fsencode(root) + b"/no utf-8 \xff\n")).write_text("other key")
    with (root / "sparse").open("wb") as file:
        file.truncate(HOLE)
    os.mkfifo(root / "pipe", 0o640)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
    (root / "owned").write_text("")
    if os.getuid() == 0:
        os.chown(root / "owned", 12345, 23456)
    (root / "owned").chmod(0o4750)  # after it: a change of owner takes these bits away
    with contextlib.suppress(OSError):  # not every file system has them
        os.setxattr(root / "plain", "user.label", b"\0value")
    (root / "closed").chmod(0o500)
    for path in (*root.iterdir(), root):
        os.utime(path, ns=WHEN, follow_symlinks=False)
    return root


def look(root: Path) -> dict[bytes, tuple[int, ...]]:
    """Return what the kernel says of every file, by name."""
    names = [b".", *(os.path.relpath(path, os.fsencode(root)) for path in tree._below(os.fsencode(root)))]
    seen = {name: os.lstat(os.fsencode(root) + b"/" + name) for name in names}
    return {
        name: (one.st_mode, one.st_uid, one.st_gid, one.st_nlink, one.st_size, one.st_mtime_ns)
        for name, one in seen.items()
    }


def test_a_copy_is_the_same(source: Path, tmp_path: Path) -> None:
    """Kind, mode, owner, links, size and times of every file are those of the original, and its content."""
    copy = tmp_path / "a" / "copy"
    tree.copy(source, copy)
    assert look(copy) == look(source)
    assert list(tree.contents(copy)) == list(tree.contents(source))
    assert (copy / "plain").samefile(copy / "closed" / "second name")
    assert (copy / "sparse").stat().st_blocks == (source / "sparse").stat().st_blocks
    assert stat.S_ISSOCK((copy / "socket").lstat().st_mode)
    assert os.listxattr(copy / "plain") == os.listxattr(source / "plain")


def two_of_one(root: Path) -> None:
    """Make two files of the one that has two names."""
    (root / "plain").unlink()
    (root / "plain").write_text("key")


def another_target(root: Path) -> None:
    """Let a link point elsewhere."""
    (root / "link").unlink()
    (root / "link").symlink_to("owned")


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda root: (root / "plain").write_text("yek"),
    "mode": lambda root: (root / "sparse").chmod(0o600),
    "two files of one": two_of_one,
    "another target": another_target,
    "no socket": lambda root: (root / "socket").unlink(),
    "a name that is no text": lambda root: (root / os.fsdecode(b"\xfe")).touch(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_another_state(source: Path, change: str) -> None:
    """What tells one crash state from another sees every change but that of times."""
    before = list(tree.contents(source))
    os.utime(source / "plain")
    assert list(tree.contents(source)) == before
    CHANGES[change](source)
    assert list(tree.contents(source)) != before


def test_removed(source: Path) -> None:
    """A folder goes with all that is in it; one that is not there is no error."""
    tree.remove(source)
    tree.remove(source)
    assert not source.exists()


def test_what_cannot_be_copied_is_said(tmp_path: Path) -> None:
    """A folder that is not there is an error that names it."""
    with pytest.raises(OSError, match="absent could not be copied: cp: "):
        tree.copy(tmp_path / "absent", tmp_path / "copy")
