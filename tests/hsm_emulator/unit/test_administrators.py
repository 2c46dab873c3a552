"""Who may sign, and what a signature is worth."""

import base64
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hsm_emulator.unit.administrators import Administrator, added, check_signatures, check_thresholds, removed
from hsm_emulator.unit.command import HsmError, MalformedError, Refusal, Signature, signed_bytes

if TYPE_CHECKING:
    from tests.hsm_emulator.unit.admin import Admin

CONTENT = signed_bytes("commit", 7, "0123456789abcdef", 3, {"pattern": "00"})


def installed(admins: "list[Admin]") -> tuple[Administrator, ...]:
    """Return the administrators as a unit stores them."""
    return tuple(Administrator(admin.name, base64.b64encode(admin.der).decode()) for admin in admins)


def signed(admin: "Admin", content: bytes = CONTENT) -> Signature:
    """Return an administrator's signature."""
    return Signature(admin.ski, base64.b64decode(admin.sign(content)["signature"]))


def test_signed_bytes_are_canonical() -> None:
    """The signed bytes are one compact JSON object in sorted order, independent of the order of insertion."""
    one = signed_bytes("load", 1, "ab", 2, {"b": 1, "a": [{"d": 1, "c": 2}]})
    other = signed_bytes("load", 1, "ab", 2, {"a": [{"c": 2, "d": 1}], "b": 1})
    assert one == other
    assert one == (
        b'{"command":"load","counter":1,"domain":2,"module":"ab","parameters":{"a":[{"c":2,"d":1}],"b":1}}'
    )


def test_enough_signatures_pass(admins: "list[Admin]") -> None:
    """As many distinct installed administrators as needed are enough."""
    check_signatures(installed(admins[:3]), [signed(admins[0]), signed(admins[2])], CONTENT, 2)


def test_signatures_that_do_not_count(admins: "list[Admin]") -> None:
    """A signature is refused by who made it, by what it signs, and by how many there are."""
    one, two, stranger = admins[:3]
    unit = installed([one, two])
    cases: list[tuple[list[Signature], Refusal]] = [
        ([], Refusal.TOO_FEW_SIGNATURES),
        ([signed(one)], Refusal.TOO_FEW_SIGNATURES),
        ([signed(one), signed(one)], Refusal.TOO_FEW_SIGNATURES),
        ([signed(one), signed(stranger)], Refusal.UNKNOWN_ADMINISTRATOR),
        ([signed(one), signed(two, CONTENT + b" ")], Refusal.SIGNATURE),
        ([signed(one), Signature(two.ski, signed(one).value)], Refusal.SIGNATURE),
        ([signed(one), Signature(two.ski, b"")], Refusal.SIGNATURE),
    ]
    for signatures, refusal in cases:
        with pytest.raises(HsmError) as caught:
            check_signatures(unit, signatures, CONTENT, 2)
        assert caught.value.refusal is refusal


def test_list_of_administrators(admins: "list[Admin]") -> None:
    """Eight administrators fit, nobody twice, and nobody leaves below the floor."""
    unit = installed(admins[:8])
    with pytest.raises(HsmError) as caught:
        added(unit, "ninth", admins[8].der)
    assert caught.value.refusal is Refusal.ADMINISTRATOR_LIST_FULL
    with pytest.raises(HsmError) as caught:
        added(unit, "again", admins[0].der)
    assert caught.value.refusal is Refusal.ADMINISTRATOR_EXISTS
    with pytest.raises(HsmError) as caught:
        removed(unit, admins[8].ski, floor=0)
    assert caught.value.refusal is Refusal.ADMINISTRATOR_NOT_FOUND
    with pytest.raises(HsmError) as caught:
        removed(unit, admins[0].ski, floor=8)
    assert caught.value.refusal is Refusal.BELOW_THRESHOLD
    assert removed(unit, admins[0].ski, floor=7) == unit[1:]


@pytest.mark.parametrize(
    ("signature", "revocation", "refusal"),
    [
        (0, 1, Refusal.SIGNATURE_THRESHOLD_ZERO),
        (1, 0, Refusal.REVOCATION_THRESHOLD_ZERO),
        (3, 1, Refusal.SIGNATURE_THRESHOLD),
        (1, 3, Refusal.REVOCATION_THRESHOLD),
    ],
)
def test_thresholds(admins: "list[Admin]", signature: int, revocation: int, refusal: Refusal) -> None:
    """A threshold is at least 1 and at most the number of administrators."""
    with pytest.raises(HsmError) as caught:
        check_thresholds(installed(admins[:2]), signature, revocation)
    assert caught.value.refusal is refusal


def test_keys_that_are_no_administrators(admins: "list[Admin]") -> None:
    """Another kind of key, another curve, another encoding of the same key, and no key are malformed."""
    public = admins[0].key.public_key()
    spki = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    compressed = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    head = bytes.fromhex("3058301006072a8648ce3d020106052b81040023034400")
    wrong = [
        b"",
        admins[0].der + b"\0",
        head + compressed,
        ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(*spki),
        rsa.generate_private_key(65537, 2048).public_key().public_bytes(*spki),
    ]
    for der in wrong:
        with pytest.raises(MalformedError, match="public_key"):
            added((), "name", der)


@pytest.mark.parametrize("name", ["", "x" * 31, "a\nb"])
def test_names(admins: "list[Admin]", name: str) -> None:
    """A name has 1 to 30 printable characters."""
    with pytest.raises(MalformedError, match="name"):
        added((), name, admins[0].der)
