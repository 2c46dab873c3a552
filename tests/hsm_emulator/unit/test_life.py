"""The life of crypto units, seen through their admin sockets."""

import base64
import hashlib
from typing import TYPE_CHECKING

import pytest

from hsm_emulator.instance import UnitType
from hsm_emulator.unit.keypart import wrap_part
from hsm_emulator.unit.registers import EMPTY_PATTERN

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.hsm_emulator.unit.admin import Admin
    from tests.hsm_emulator.unit.unit import Unit

PARTS = (bytes(range(32)), bytes(range(100, 132)), b"\x5a" * 32)


def pattern_of(parts: tuple[bytes, ...]) -> str:
    """Return the verification pattern of the key that the parts make."""
    key = bytes(32)
    for part in parts:
        key = bytes(a ^ b for a, b in zip(key, part, strict=True))
    return hashlib.sha256(b"\x01" + key).hexdigest()


def transfer(source: "Unit", target: "Unit", register: str, admins: "list[Admin]") -> str:
    """Copy the key of a register into NEW of another unit; return its pattern."""
    importer = target.do("importer", signers=admins)
    order = {"register": register, "public_key": importer["public_key"]}
    exported = source.do("export", order, admins)
    wrapped = {name: exported[name] for name in ("wrapped", "public_key")}
    target.do("import", {"importer_id": importer["importer_id"], **wrapped}, admins)
    pattern: str = exported["pattern"]
    return pattern


def test_rotation_of_two_units(new_unit: "Callable[..., Unit]", admins: "list[Admin]") -> None:
    """A recovery unit makes a key twice; another unit follows it through transfer, commit, set immediate."""
    recovery, operational = new_unit(UnitType.RECOVERY), new_unit(UnitType.OPERATIONAL)
    two = admins[:2]
    for unit in (recovery, operational):
        unit.leave_imprint(two, signature=2)
    recovery.do("generate", signers=two)
    first = recovery.register("current")[1]
    assert recovery.register("new") == ("Empty", EMPTY_PATTERN)

    transfer(recovery, operational, "current", two)
    for command in ("commit", "setimm"):
        operational.do(command, {"pattern": first}, two)
    assert operational.register("current") == ("Valid", first)

    recovery.do("generate", signers=two)
    second = transfer(recovery, operational, "new", two)
    for unit in (recovery, operational):
        assert unit.register("new") == ("Full Uncommitted", second)
        unit.do("commit", {"pattern": second}, two)
        assert unit.register("new") == ("Full Committed", second)
    for unit in (recovery, operational):
        unit.do("setimm", {"pattern": second}, two)
        assert (unit.register("current"), unit.register("new")) == (
            ("Valid", second),
            ("Empty", EMPTY_PATTERN),
        )
        assert len(unit.objects) == 1, "the key that was current is destroyed"
    assert first != second


def test_key_parts(new_unit: "Callable[..., Unit]", admins: "list[Admin]") -> None:
    """Two or three key parts give the exclusive or of their bytes; the current key cannot be loaded again."""
    unit, one = new_unit(), admins[:1]
    unit.leave_imprint(one)
    for parts in (PARTS[:2], PARTS):
        assert unit.load(parts, one).ok
        assert unit.register("new") == ("Full Uncommitted", pattern_of(parts))
        for command in ("commit", "setimm"):
            unit.do(command, {"pattern": pattern_of(parts)}, one)
        assert unit.register("current") == ("Valid", pattern_of(parts))
    again = unit.load(PARTS, one)
    assert (again.status, unit.register("new")[0]) == (409, "Empty")


def test_state_outlives_a_kill_and_importers_do_not(
    new_unit: "Callable[..., Unit]", admins: "list[Admin]"
) -> None:
    """A killed unit comes back with registers, administrators and counter; an importer key is gone."""
    unit, one = new_unit(UnitType.RECOVERY), admins[:1]
    unit.leave_imprint(one)
    unit.do("generate", signers=one)
    importer = unit.do("importer", signers=one)
    before = unit.query()
    unit.kill()
    unit.start()
    assert unit.query() == before
    point, wrapped = wrap_part(base64.b64decode(importer["public_key"]), PARTS[0])
    order = {
        "importer_id": importer["importer_id"],
        "public_key": base64.b64encode(point).decode(),
        "wrapped": base64.b64encode(wrapped).decode(),
    }
    assert unit.refusal("import", order, one) == (96, 0)


def test_zeroize(new_unit: "Callable[..., Unit]", admins: "list[Admin]") -> None:
    """Zeroize goes back to imprint mode without keys or administrators, but never back in the counter."""
    unit, one = new_unit(UnitType.RECOVERY), admins[:1]
    unit.leave_imprint(one)
    for _ in range(2):
        unit.do("generate", signers=one)
    counter = unit.query()["counter"]
    unit.do("zeroize", signers=one)
    shown = unit.query()
    assert (shown["imprint"], shown["administrators"], unit.objects) == (True, [], [])
    assert shown["counter"] == counter + 1
    unit.do("zeroize")
    unit.leave_imprint(one)
    unit.do("generate", signers=one)


@pytest.mark.parametrize("command", ["clrnew", "clrcur"])
def test_clear(new_unit: "Callable[..., Unit]", admins: "list[Admin]", command: str) -> None:
    """Clearing a register destroys its key and leaves the other register; an empty one may be cleared."""
    unit, one = new_unit(UnitType.RECOVERY), admins[:1]
    unit.leave_imprint(one)
    for _ in range(2):
        unit.do("generate", signers=one)
    other = "new" if command == "clrcur" else "current"
    kept = unit.register(other)
    unit.do(command, signers=one)
    unit.do(command, signers=one)
    assert unit.register(other) == kept
    assert unit.register("current" if command == "clrcur" else "new") == ("Empty", EMPTY_PATTERN)
    assert len(unit.objects) == 1


def test_administrators_come_and_go(new_unit: "Callable[..., Unit]", admins: "list[Admin]") -> None:
    """Adding takes the signature threshold, removing the revocation threshold, raising both of the old."""
    unit, (one, two, three, *_) = new_unit(), admins
    unit.leave_imprint([one, two], signature=1, revocation=2)
    unit.do("admin-add", three.entry, [one])
    assert unit.refusal("admin-rm", {"ski": three.ski}, [one]) == (208, 0)
    unit.do("threshold-set", {"signature": 3, "revocation": 1}, [two])
    assert unit.refusal("admin-rm", {"ski": two.ski}, [one]) == (209, 66)
    assert unit.refusal("threshold-set", {"signature": 1, "revocation": 1}, [one, two]) == (208, 0)
    unit.do("threshold-set", {"signature": 1, "revocation": 1}, [one, two, three])
    for admin in (three, two):
        unit.do("admin-rm", {"ski": admin.ski}, [one])
    assert unit.refusal("admin-rm", {"ski": one.ski}, [one]) == (209, 66)
    assert [each["name"] for each in unit.query()["administrators"]] == ["admin1"]


def test_recorded_command_is_worth_nothing(new_unit: "Callable[..., Unit]", admins: "list[Admin]") -> None:
    """A command signed for one unit does not work at another, nor a second time at the same."""
    here, there = new_unit(), new_unit()
    for unit in (here, there):
        unit.leave_imprint(admins[:1])
    recorded = here.body("clrnew", signers=admins[:1])
    assert there.query()["counter"] == here.query()["counter"]
    codes = [there.post("clrnew", recorded).body["error"]["return_code"]]
    assert here.post("clrnew", recorded).ok
    codes.append(here.post("clrnew", recorded).body["error"]["return_code"])
    assert codes == [192, 163]
