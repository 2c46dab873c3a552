"""Files of the workstation: what they keep, what they hide, what happens to damaged ones."""

import base64
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.serialization import load_der_public_key

from hsm_emulator.instance import Instance, UnitEntry, UnitType
from hsm_emulator.tke import mkpart, sigkey
from hsm_emulator.tke.errors import Failed
from hsm_emulator.tke.workstation import Workstation

UNITS = tuple(
    UnitEntry(number, UnitType.OPERATIONAL, "[r].[h].[01].[01]", f"{number:016x}", 1, "/s")
    for number in (1, 2)
)
INSTANCE = Instance("i", "r", "g", "a", "u", "/s/kms", UNITS)


@pytest.fixture
def workstation(tmp_path: Path) -> Workstation:
    """An empty folder."""
    return Workstation(tmp_path)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Do what a command does that changes a file."""
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield
    os.close(descriptor)


def test_selection_survives_renumbering(workstation: Workstation) -> None:
    """What is selected is a module and a domain, whatever number the directory gives them."""
    assert workstation.selected() == frozenset()
    workstation.select(INSTANCE, [(UNITS[1].module, 1)])
    assert workstation.selected() == {("0000000000000002", 1)}


@pytest.mark.parametrize("content", ["", "[{", '[{"selected": true}]', "7", '{"a": 1}'])
def test_damaged_selection(workstation: Workstation, content: str) -> None:
    """A DOMAINS file that is torn or foreign is reported by name and not taken for an empty selection."""
    (workstation.folder / "DOMAINS").write_text(content)
    with pytest.raises(Failed, match="DOMAINS is damaged"):
        workstation.selected()


def test_signature_key_signs_only_with_its_password(workstation: Workstation) -> None:
    """A signature key opens with its password only, and what it signs verifies with its public key."""
    created = sigkey.create(workstation, "admin1", "secret")
    (read,) = sigkey.read_all(workstation)
    assert read == created
    unlocked = read.unlock("secret")
    public = load_der_public_key(base64.b64decode(read.public_key))
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(unlocked.sign(b"message"), b"message", ec.ECDSA(SHA512()))
    assert repr(unlocked) == f"UnlockedKey({read.ski})"
    with pytest.raises(Failed, match="password for signature key file 1 is incorrect"):
        read.unlock("Secret")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"sealed": {}}', '{"sealed": 3}'])
def test_damaged_signature_key(workstation: Workstation, content: str) -> None:
    """A signature key file that is torn or foreign is reported by name."""
    (workstation.folder / "1.sigkey").write_text(content)
    with pytest.raises(Failed, match=r"1\.sigkey is damaged"):
        sigkey.read_all(workstation)


def test_removed_key_is_no_longer_current(workstation: Workstation) -> None:
    """Removing a signature key takes it off the current ones; the order of the others stays."""
    for name in ("a", "b", "c"):
        sigkey.create(workstation, name, "x")
    workstation.make_current([3, 1, 2])
    sigkey.remove(workstation, 1)
    assert [key.name for key in sigkey.read_current(workstation)] == ["c", "b"]
    assert workstation.numbered("sigkey") == [2, 3]


def test_key_part_is_hidden(workstation: Workstation) -> None:
    """A key part opens with its password; its bytes stand in the file neither raw nor as hex or base64."""
    value = bytes(range(32))
    mkpart.create(workstation, value, "first", "secret")
    (part,) = mkpart.read_all(workstation)
    assert part.unlock("secret") == value
    with pytest.raises(Failed, match="password for key file 1 is incorrect"):
        part.unlock("other")
    content = (workstation.folder / "1.mkpart").read_bytes()
    assert all(form not in content for form in (value, value.hex().encode(), base64.b64encode(value)))


def test_one_command_changes_files_at_a_time(workstation: Workstation) -> None:
    """While another command changes a file, one that wants to is refused and changes nothing."""
    sigkey.create(workstation, "a", "x")
    with _held(workstation.folder):
        for change in (
            lambda: workstation.keep_token("t"),
            lambda: workstation.select(INSTANCE, []),
            lambda: workstation.make_current([1]),
            lambda: sigkey.create(workstation, "b", "x"),
            lambda: mkpart.create(workstation, bytes(32), "d", "x"),
            lambda: workstation.remove("1.sigkey"),
        ):
            with pytest.raises(Failed, match="Another command is changing the files"):
                change()
        assert [path.name for path in workstation.folder.iterdir()] == ["1.sigkey"]
    assert sigkey.create(workstation, "b", "x").number == 2


def test_files_are_readable_by_their_owner_only(workstation: Workstation) -> None:
    """Every file of the workstation has mode 0600."""
    workstation.keep_token("t")
    workstation.select(INSTANCE, [])
    workstation.make_current([])
    sigkey.create(workstation, "a", "x")
    mkpart.create(workstation, bytes(32), "d", "x")
    assert {path.stat().st_mode & 0o777 for path in workstation.folder.iterdir()} == {0o600}
