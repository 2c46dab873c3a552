"""Refused commands change nothing: not the registers, not the counter, not one byte on disk."""

import base64
import os
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from hsm_emulator import bearer
from hsm_emulator.instance import UnitType
from hsm_emulator.unit.command import Command
from hsm_emulator.unit.keypart import encode_point

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.hsm_emulator.unit.admin import Admin
    from tests.hsm_emulator.unit.unit import Unit

PATTERN = "ab" * 32
POINT = base64.b64encode(encode_point(ec.generate_private_key(ec.SECP521R1()).public_key())).decode()
BLOB = base64.b64encode(bytes(40)).decode()
NOTHING = {"importer_id": PATTERN, "public_key": POINT, "wrapped": BLOB}
PARTS = {"importer_id": PATTERN, "parts": [{"public_key": POINT, "wrapped": BLOB}] * 2}

EXAMPLE: dict[Command, dict[str, Any]] = {
    Command.IMPORTER: {},
    Command.GENERATE: {},
    Command.EXPORT: {"register": "current", "public_key": POINT},
    Command.IMPORT: NOTHING,
    Command.LOAD: PARTS,
    Command.COMMIT: {"pattern": PATTERN},
    Command.SETIMM: {"pattern": PATTERN},
    Command.CLRNEW: {},
    Command.CLRCUR: {},
}

Case = tuple[str, dict[str, Any], tuple[int, int]]
OPERATIONAL: list[Case] = [
    ("generate", {}, (80, 52)),
    ("export", {"register": "current", "public_key": POINT}, (80, 131)),
    ("import", NOTHING, (96, 0)),
    ("load", PARTS, (96, 0)),
    ("commit", {"pattern": PATTERN}, (102, 50)),
    ("setimm", {"pattern": PATTERN}, (102, 50)),
    ("admin-rm", {"ski": PATTERN}, (32, 32)),
    ("threshold-set", {"signature": 0, "revocation": 1}, (209, 76)),
    ("threshold-set", {"signature": 1, "revocation": 0}, (209, 77)),
    ("threshold-set", {"signature": 3, "revocation": 1}, (209, 57)),
    ("threshold-set", {"signature": 1, "revocation": 3}, (209, 58)),
]
RECOVERY_WITH_NEW: list[Case] = [
    ("generate", {}, (80, 53)),
    ("import", NOTHING, (80, 53)),
    ("load", PARTS, (80, 53)),
    ("commit", {"pattern": PATTERN}, (101, 48)),
    ("setimm", {"pattern": PATTERN}, (102, 64)),
    ("export", {"register": "new", "public_key": BLOB}, (3, 102)),
]


def durable(unit: "Unit") -> dict[str, bytes]:
    """Return the files that a command may change."""
    return {name: content for name, content in unit.files().items() if not name.endswith(".lock")}


def check(unit: "Unit", cases: list[Case], signers: "list[Admin]") -> None:
    """Send each command; it has to be refused with its codes and leave every file as it is."""
    before, shown = durable(unit), unit.query()
    for command, parameters, codes in cases:
        assert unit.refusal(command, parameters, signers) == codes, command
        assert durable(unit) == before, command
        assert unit.query() == shown, command


def test_operational_unit(new_unit: "Callable[..., Unit]", admins: "list[Admin]") -> None:
    """An operational unit with empty registers refuses by the codes of the field, and stays as it is."""
    unit = new_unit()
    unit.leave_imprint(admins[:2])
    check(unit, OPERATIONAL, admins[:1])


def test_recovery_unit_with_new(new_unit: "Callable[..., Unit]", admins: "list[Admin]") -> None:
    """A full new register refuses every other key, and an uncommitted one is not promoted."""
    unit, one = new_unit(UnitType.RECOVERY), admins[:1]
    unit.leave_imprint(one)
    check(unit, [("export", EXAMPLE[Command.EXPORT], (102, 49))], one)
    unit.do("generate", signers=one)
    check(unit, [("export", {"register": "new", "public_key": POINT}, (102, 50))], one)
    unit.do("generate", signers=one)
    check(unit, RECOVERY_WITH_NEW, one)
    unit.do("commit", {"pattern": unit.register("new")[1]}, one)
    check(unit, [("setimm", {"pattern": PATTERN}, (101, 48))], one)


def test_imprint_mode(new_unit: "Callable[..., Unit]", admins: "list[Admin]") -> None:
    """In imprint mode every master key command is refused, signed or not; so is leaving it unsigned."""
    unit = new_unit(UnitType.RECOVERY)
    unit.do("admin-add", admins[0].entry)
    check(unit, [(command, parameters, (179, 0)) for command, parameters in EXAMPLE.items()], admins[:1])
    check(unit, [("threshold-set", {"signature": 1, "revocation": 1}, (208, 0))], [])
    check(unit, [("threshold-set", {"signature": 2, "revocation": 1}, (209, 57))], admins[:1])
    check(unit, [("admin-add", admins[0].entry, (256, 38))], [])


@pytest.mark.parametrize("command", Command)
def test_signatures_of_every_command(signed_unit: "Unit", admins: "list[Admin]", command: Command) -> None:
    """Outside imprint mode every command is refused unsigned, half signed, or signed by a stranger."""
    rest = {
        Command.ADMIN_ADD: admins[2].entry,
        Command.ADMIN_RM: {"ski": admins[0].ski},
        Command.THRESHOLD_SET: {"signature": 1, "revocation": 1},
    }
    parameters = EXAMPLE.get(command, rest.get(command, {}))
    check(signed_unit, [(command, parameters, (208, 0))], [])
    check(signed_unit, [(command, parameters, (257, 0))], [*admins[:2], admins[3]])
    two_sign = {Command.ADMIN_ADD, Command.THRESHOLD_SET, Command.EXPORT, Command.COMMIT}
    if command in two_sign:
        check(signed_unit, [(command, parameters, (208, 0))], admins[:1])
    if command is Command.ADMIN_RM:
        check(signed_unit, [(command, parameters, (208, 0))], admins[:2])


def test_key_of_current_is_refused(new_unit: "Callable[..., Unit]", admins: "list[Admin]") -> None:
    """Loading the parts of the current key is refused before anything reaches the token."""
    unit, one = new_unit(), admins[:1]
    unit.leave_imprint(one)
    parts = [os.urandom(32), os.urandom(32)]
    unit.load(parts, one)
    for command in ("commit", "setimm"):
        unit.do(command, {"pattern": unit.query()["registers"]["new"]["pattern"]}, one)
    objects = unit.objects
    reply = unit.load(parts, one)
    assert (reply.status, reply.body["error"]["return_code"]) == (409, 32)
    assert unit.objects == objects


def test_wrapped_for_somebody_else(new_unit: "Callable[..., Unit]", admins: "list[Admin]") -> None:
    """A blob that the importer key does not open, or of another size, is refused without a trace."""
    unit, one = new_unit(), admins[:1]
    unit.leave_imprint(one)
    importer = unit.do("importer", signers=one)["importer_id"]
    for blob in (os.urandom(40), os.urandom(24), b""):
        part = {"public_key": POINT, "wrapped": base64.b64encode(blob).decode()}
        check(unit, [("import", {"importer_id": importer, **part}, (32, 0))], one)
        check(unit, [("load", {"importer_id": importer, "parts": [part, part]}, (32, 0))], one)
    off_curve = {"public_key": BLOB, "wrapped": BLOB}
    check(unit, [("import", {"importer_id": importer, **off_curve}, (3, 102))], one)
    check(unit, [("load", {"importer_id": importer, "parts": [off_curve] * 2}, (3, 102))], one)


@pytest.mark.parametrize("step", [0, -1])
def test_counter(new_unit: "Callable[..., Unit]", admins: "list[Admin]", step: int) -> None:
    """A counter that does not exceed the unit's is refused, in imprint mode too."""
    unit = new_unit()
    unit.do("admin-add", admins[0].entry)
    unit.do("admin-add", admins[1].entry)
    before = durable(unit)
    counter = unit.query()["counter"] + step
    for signers in ([], admins[:1]):
        reply = unit.post("clrnew", unit.body("clrnew", {}, signers, counter))
        assert reply.body["error"]["return_code"] == 163
    assert durable(unit) == before


def test_doors(new_unit: "Callable[..., Unit]") -> None:
    """No bearer, an expired or a forged one: 401; no command: 404; no JSON or no body of a command: 400."""
    unit = new_unit()
    before = durable(unit)
    good = bearer.issue(unit.root.joinpath("iam.secret").read_text(), "tests")
    expired = bearer.issue(unit.root.joinpath("iam.secret").read_text(), "tests", -1)
    forged = bearer.issue("another secret, long enough for HMAC with SHA-256", "tests")
    for token in ("", expired, forged):
        for method, target in (("GET", "/v1/unit"), ("POST", "/v1/unit/commands/clrnew")):
            reply = unit.call(method, target, {}, token)
            assert (reply.status, reply.message) == (401, bearer.UNAUTHORIZED)
    assert unit.call("POST", "/v1/unit/commands/self-destruct", {}, good).status == 404
    assert unit.call("POST", "/v1/unit/commands/clrnew", None, good).status == 400
    assert unit.call("POST", "/v1/unit/commands/clrnew", {"counter": 1}, good).status == 400
    assert durable(unit) == before
