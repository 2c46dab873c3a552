"""The same expectations of the project's client over the wire and of python-pkcs11 beside the token.

Truth comes from neither: RFC 3394 and SHA-256 are computed here.
"""

from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from hsm_emulator.wire.constants import Attribute, Mechanism, ObjectClass, P11KeyType
from hsm_emulator.wire.values import Template

if TYPE_CHECKING:
    from tests.hsm_emulator.wire.conftest import InProcessToken, WireToken

    Token = WireToken | InProcessToken

MASTER = bytes(range(32))
OTHER = bytes(range(100, 132))
DATA_KEY = bytes(range(200, 232))
SESSION_AES: Template = {
    Attribute.CLASS: ObjectClass.SECRET_KEY,
    Attribute.KEY_TYPE: P11KeyType.AES,
    Attribute.TOKEN: False,
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: False,
    Attribute.EXTRACTABLE: True,
}
WRAPPING_AES: Template = {
    **SESSION_AES,
    Attribute.SENSITIVE: True,
    Attribute.WRAP: True,
    Attribute.UNWRAP: True,
}


@pytest.fixture
def open_token(logged_in: "Token") -> "Token":
    """An implementation with a session open."""
    return logged_in


def master(token: "Token", value: bytes = MASTER) -> int:
    """Put a wrapping key of known value into the token."""
    return int(token.do("create", {**WRAPPING_AES, Attribute.VALUE: value}))


def test_generated_token_key_is_found_by_id(open_token: "Token") -> None:
    """A key generated on the token is the one object that its CKA_ID finds."""
    template = {
        **WRAPPING_AES, Attribute.TOKEN: True, Attribute.VALUE_LEN: 32, Attribute.ID: b"\x01" * 16,
    }  # fmt: skip
    handle = open_token.do("generate_key", Mechanism.AES_KEY_GEN, template)
    assert open_token.do("find", {Attribute.ID: b"\x01" * 16}) == [handle]
    assert open_token.do("find", {Attribute.ID: b"\x02" * 16}) == []


def test_find_returns_more_than_a_page(open_token: "Token") -> None:
    """A search returns every match, also where they are more than one C_FindObjects call asks for."""
    marked = {**SESSION_AES, Attribute.VALUE: DATA_KEY, Attribute.LABEL: b"many"}
    made = sorted(open_token.do("create", marked) for _ in range(300))
    assert sorted(open_token.do("find", {Attribute.LABEL: b"many"})) == made


def test_pattern_is_sha256_of_one_and_key(open_token: "Token") -> None:
    """The verification pattern computed inside the token is SHA-256(0x01 || key)."""
    handle = master(open_token)
    assert open_token.do("digest_key_pattern", handle) == sha256(b"\x01" + MASTER).digest()


def test_wrap_is_rfc_3394(open_token: "Token") -> None:
    """CKM_AES_KEY_WRAP gives the bytes of RFC 3394, so blobs can be exchanged with other vendors."""
    key = open_token.do("create", {**SESSION_AES, Attribute.VALUE: DATA_KEY})
    blob = open_token.do("wrap", Mechanism.AES_KEY_WRAP, master(open_token), key)
    assert blob == aes_key_wrap(MASTER, DATA_KEY)


def test_unwrap_restores_the_key(open_token: "Token") -> None:
    """A blob made outside unwraps into a session object that holds the key."""
    blob = aes_key_wrap(MASTER, DATA_KEY)
    handle = open_token.do("unwrap", Mechanism.AES_KEY_WRAP, master(open_token), blob, SESSION_AES)
    assert open_token.do("digest_key_pattern", handle) == sha256(b"\x01" + DATA_KEY).digest()


def test_unwrap_with_the_wrong_key_is_only_a_general_error(open_token: "Token") -> None:
    """SoftHSM does not tell a wrong master key from any other failure, so patterns are compared first."""
    blob = aes_key_wrap(MASTER, DATA_KEY)
    wrong = master(open_token, OTHER)
    with pytest.raises(Exception, match="GENERALERROR"):
        open_token.do("unwrap", Mechanism.AES_KEY_WRAP, wrong, blob, SESSION_AES)


def test_unwrap_of_a_damaged_blob_is_the_same_general_error(open_token: "Token") -> None:
    """One flipped bit of a blob is refused, with the code of the wrong key."""
    blob = bytearray(aes_key_wrap(MASTER, DATA_KEY))
    blob[5] ^= 1
    with pytest.raises(Exception, match="GENERALERROR"):
        open_token.do("unwrap", Mechanism.AES_KEY_WRAP, master(open_token), bytes(blob), SESSION_AES)


def test_destroyed_key_is_gone(open_token: "Token") -> None:
    """A destroyed object is found no more."""
    handle = open_token.do("create", {**SESSION_AES, Attribute.VALUE: DATA_KEY, Attribute.LABEL: b"short"})
    open_token.do("destroy", handle)
    assert open_token.do("find", {Attribute.LABEL: b"short"}) == []


def test_attributes_come_back_typed(open_token: "Token") -> None:
    """Numbers, booleans and byte strings come back as they were given."""
    given = {**SESSION_AES, Attribute.VALUE: DATA_KEY, Attribute.LABEL: b"typed", Attribute.ID: b"\x00\xff"}
    handle = open_token.do("create", given)
    assert open_token.do("attributes", handle, list(given)) == given


def test_sensitive_value_stays_inside(open_token: "Token") -> None:
    """The value of a sensitive key is refused by name."""
    handle = master(open_token)
    with pytest.raises(Exception, match="ATTRIBUTESENSITIVE"):
        open_token.do("attributes", handle, [Attribute.VALUE])


def test_unextractable_key_is_not_wrapped(open_token: "Token") -> None:
    """A key that may not leave the token is refused by name."""
    stuck = {**SESSION_AES, Attribute.EXTRACTABLE: False, Attribute.VALUE: DATA_KEY}
    handle = open_token.do("create", stuck)
    wrapping = master(open_token)
    with pytest.raises(Exception, match="KEYUNEXTRACTABLE"):
        open_token.do("wrap", Mechanism.AES_KEY_WRAP, wrapping, handle)


def test_wrong_pin_is_named(token: "Token") -> None:
    """A wrong PIN is refused as such, and the right one still works afterwards."""
    with pytest.raises(Exception, match="PININCORRECT"):
        token.do("open_session", "unit1", "not-the-pin")
    token.do("open_session", "unit1", "one-pin-of-the-tests")


def test_absent_token_is_named(token: "Token") -> None:
    """A label that no token has is refused as such."""
    with pytest.raises(Exception, match="TOKENNOTPRESENT"):
        token.do("open_session", "unit9", "any")
