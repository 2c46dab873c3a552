"""The two rotations on real processes."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.emulator.tke.conftest import Rig

PASSWORD = "correct horse"
YES = ("Answer [y/N]:", "y")
PASSWORDS = (("admin1 (", PASSWORD), ("admin2 (", PASSWORD))
MESSAGE_1 = "Delaying 30 seconds to allow server to discover new master key values"
MESSAGE_2 = "KMS CRK rewrap successful, waiting on cryptounit-mk-setimm"


def test_auto_mk_rotate_promotes_one_new_key_everywhere(rig: "Rig") -> None:
    """A rotation ends with one other master key in every current register, and with all rows under it."""
    before = rig.registers()
    ended = rig.tke("auto-mk-rotate", YES, *PASSWORDS)
    assert ended.code == 0, ended.text
    after = rig.registers()
    assert len(set(after)) == 1
    assert after[0][0] != before[0][0]
    assert after[0][1] == "Empty"
    assert [pattern[:8] for pattern in rig.rows()] == [after[0][0]]
    assert ended.lines.index(MESSAGE_1) < ended.lines.index(MESSAGE_2)
    assert ended.lines[-2:] == ["OK", "Master key rotation successful."]
