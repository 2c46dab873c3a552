"""Where a rig's files and sockets are."""

import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.rig.layout import SOCKET_PATH_MAX, Layout, scratch

LARGEST = sut.Shape(3, 2, 1)


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    """Folders of the largest instance, with units in name only."""
    sockets = scratch("test-")
    layout = Layout(tmp_path / "files", sockets)
    layout.make(LARGEST)
    for number, unit_type in zip(LARGEST.numbers, LARGEST.unit_types, strict=True):
        known = {"number": number, "type": unit_type, "location": "", "module": "00", "domain": 1, "pin": "x"}
        layout.unit(number).mkdir()
        (layout.unit(number) / "unit.json").write_text(json.dumps(known))
    yield layout
    shutil.rmtree(sockets)


def _sockets(layout: Layout) -> list[Path]:
    return [
        *(layout.rest(relayed=relayed) for relayed in (True, False)),
        *(layout.admin(number, relayed=relayed) for number in LARGEST.numbers for relayed in (True, False)),
        *(layout.p11(number, relayed=relayed) for number in LARGEST.numbers for relayed in (True, False)),
    ]


def test_every_socket_can_be_bound(layout: Layout) -> None:
    """No two sockets share a path, and each path fits into a socket address, with room for a longer root."""
    paths = _sockets(layout)
    assert len(set(paths)) == len(paths)
    for path in paths:
        assert len(str(path)) < SOCKET_PATH_MAX - 40
        with socket.socket(socket.AF_UNIX) as end:
            end.bind(str(path))


@pytest.mark.parametrize("relayed", [True, False])
def test_directory(layout: Layout, *, relayed: bool) -> None:
    """Instance and kms are told of the relays in a campaign, and of the processes' own sockets by hand."""
    layout.write_directory(LARGEST, relayed=relayed)
    instance = json.loads(layout.instance.read_text())
    kms = json.loads(layout.kms_config.read_text())
    assert [unit["admin_socket"] for unit in instance["units"]] == [
        str(layout.admin(number, relayed=relayed)) for number in LARGEST.numbers
    ]
    assert instance["kms_socket"] == str(layout.rest(relayed=relayed))
    assert [unit["p11_socket"] for unit in kms["units"]] == [
        str(layout.p11(number, relayed=relayed)) for number in LARGEST.operational_numbers
    ]
    assert kms["socket"] == str(layout.rest())
    assert "pin" not in instance["units"][0]


def test_identity_survives(layout: Layout) -> None:
    """The instance keeps its id when its files come from a snapshot; only socket paths are written anew."""
    layout.write_directory(LARGEST, relayed=True)
    first = json.loads(layout.instance.read_text())["instance"]
    layout.write_directory(LARGEST, relayed=False)
    assert json.loads(layout.instance.read_text())["instance"] == first


def test_scratch_is_private_and_new(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scratch folder is made anew each time, for its owner alone, where HIL_TMP says."""
    monkeypatch.setenv("HIL_TMP", str(layout.sockets))
    one, other = scratch("test-"), scratch("test-")
    assert one != other
    assert {one.parent, other.parent} == {layout.sockets}
    assert {path.stat().st_mode & 0o777 for path in (one, other)} == {0o700}


def test_shapes() -> None:
    """Units are numbered operational first, then recovery, then failover."""
    assert LARGEST.unit_types == (*["OPERATIONAL"] * 3, *["RECOVERY"] * 2, "FAILOVER")
    assert list(LARGEST.numbers) == [1, 2, 3, 4, 5, 6]
    assert list(LARGEST.operational_numbers) == [1, 2, 3]
