"""auto-mk-recover: what it copies, and when it refuses before any change."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.hsm_emulator.tke.rig import Rig

PASSWORD = "correct horse"
YES = ("Answer [y/N]:", "y")
ADMIN1 = ("admin1 (", PASSWORD)
ADMIN2 = ("admin2 (", PASSWORD)


def test_recovery_copies_the_current_key(rig: "Rig") -> None:
    """A unit that lost its current master key gets that of the chosen recovery unit; others keep theirs."""
    before = rig.registers()
    rig.select(2)
    rig.done("cryptounit-mk-clrcur", YES, ADMIN1)
    rig.select(2, 4, 5)
    ended = rig.done("auto-recover", ("copy from", "5"), YES, ADMIN1, ADMIN2)
    assert "Crypto unit 4 already holds the master key value." in ended.lines
    assert rig.registers() == before


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ((1, 2), "No recovery crypto unit with a Valid current master key register is selected."),
        ((4,), "Select also the crypto units that are to receive the master key. Nothing was changed."),
    ],
)
def test_recovery_needs_source_and_target(rig: "Rig", numbers: tuple[int, ...], says: str) -> None:
    """Without a recovery unit, or without another unit, among the selected ones nothing is copied."""
    rig.select(*numbers)
    before = rig.digest()
    ended = rig.tke("auto-mk-recover")
    assert ended.code == 1
    assert says in ended.lines
    assert rig.digest() == before


def test_recovery_does_not_overwrite_a_new_key(rig: "Rig") -> None:
    """A new master key in a receiving unit may be the only one that key storage can be read with: refused."""
    rig.select(2)
    rig.load()
    rig.select(1, 2, 4)
    before = rig.digest()
    ended = rig.tke("auto-mk-recover")
    assert ended.code == 1
    assert "The new master key register is not Empty in crypto unit 2." in ended.lines
    assert rig.digest() == before
