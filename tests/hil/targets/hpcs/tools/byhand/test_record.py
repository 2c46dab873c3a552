"""The record of an instance by hand."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.model.ledger import Known, Ledger
from hil.targets.hpcs.tools.byhand.record import FILE, NoInstance, Record

ROWS = st.builds(
    Known,
    st.uuids().map(str),
    st.integers(1, 9),
    st.sampled_from(["active", "destroyed"]),
    st.binary(min_size=16, max_size=32),
    st.none() | st.binary(min_size=1, max_size=64),
)
LEDGERS = st.builds(Ledger, st.lists(ROWS, max_size=4).map(tuple), st.binary(max_size=32), st.text())


@given(LEDGERS, st.dictionaries(st.sampled_from(["kms", "unit:1"]), st.text()))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, ledger: Ledger, owners: dict[str, str]) -> None:
    """What was written is read back, key bytes included."""
    folder = tmp_path_factory.mktemp("record")
    where = folder, Path("/dev/shm/s"), "hand-1"
    record = Record(*where, sut.Shape(2, 1, 1, 9, 3), "", ledger, owners, "postgresql", "NSS softokn")
    record.write()
    assert Record.read(folder) == record


def test_record_is_private(tmp_path: Path) -> None:
    """The file holds key bytes, so only its owner can read it."""
    Record(tmp_path, tmp_path, "hand-1", sut.Shape(), "", Ledger((), b"", ""), {}).write()
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_folder_without_an_instance(tmp_path: Path) -> None:
    """Where there is no instance, the text says how to start one."""
    with pytest.raises(NoInstance, match=f"start one: hil up --dir {tmp_path}"):
        Record.read(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", "null", '{"sockets": 1}', "\x00"])
def test_damaged_record(tmp_path: Path, content: str) -> None:
    """A record that cannot be read is named, with what to remove."""
    (tmp_path / FILE).write_text(content)
    with pytest.raises(NoInstance, match=r"is damaged .*; remove "):
        Record.read(tmp_path)
