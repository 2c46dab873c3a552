"""The transport of key parts."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap

from hsm_emulator.unit.keypart import decode_point, encode_point, wrap_part


def test_wrapped_part_opens_with_the_importer_key_alone() -> None:
    """Only the private importer key opens a wrapped part, by ECDH and the last 32 bytes of the secret."""
    importer, part = ec.generate_private_key(ec.SECP521R1()), bytes(range(32))
    point, wrapped = wrap_part(encode_point(importer.public_key()), part)
    secret = importer.exchange(ec.ECDH(), decode_point(point))
    assert aes_key_unwrap(secret[-32:], wrapped) == part
    assert part not in wrapped
    assert len(point) == 136


def test_same_part_twice_differs() -> None:
    """The ephemeral key is a fresh one each time."""
    point = encode_point(ec.generate_private_key(ec.SECP521R1()).public_key())
    assert wrap_part(point, bytes(32)) != wrap_part(point, bytes(32))


@pytest.mark.parametrize("point", [b"", b"\x04\x81\x85", b"\x04\x81\x85\x04" + b"\x01" * 132, bytes(136)])
def test_points_that_are_none(point: bytes) -> None:
    """A public key off the curve or in another form is refused."""
    with pytest.raises(ValueError, match=r".+"):
        wrap_part(point, bytes(32))


def test_part_of_another_size() -> None:
    """A key part has 32 bytes."""
    point = encode_point(ec.generate_private_key(ec.SECP521R1()).public_key())
    with pytest.raises(ValueError, match="32 bytes"):
        wrap_part(point, bytes(31))
