"""How a master key part travels from the workstation to a crypto unit: encrypted to its importer key.

ECDH on P-521 with an ephemeral key, no key derivation function (CKD_NULL), AES key wrap (RFC 3394). PKCS#11
truncates the 66-byte shared secret to the 32 bytes of an AES-256 key by removing its leading end, and SoftHSM
does so (measured).
"""

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PART_BYTES = 32
_AES_256_BYTES = 32
_OCTET_STRING_HEAD = b"\x04\x81\x85"  # DER: OCTET STRING of 133 bytes


def decode_point(point: bytes) -> ec.EllipticCurvePublicKey:
    """Return the P-521 public key of a CKA_EC_POINT (DER octet string, 136 bytes).

    Raises:
        ValueError: another form, or not on the curve.
    """
    if not point.startswith(_OCTET_STRING_HEAD):
        raise ValueError("not an uncompressed P-521 point in a DER octet string")
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP521R1(), point[len(_OCTET_STRING_HEAD) :])


def encode_point(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return a P-521 public key as CKA_EC_POINT."""
    return _OCTET_STRING_HEAD + key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def wrap_part(importer_point: bytes, part: bytes) -> tuple[bytes, bytes]:
    """Encrypt a 32-byte key part to an importer key.

    Args:
        importer_point: public key of the unit's importer as CKA_EC_POINT.
        part: the key part, 32 bytes.

    Returns:
        The ephemeral public key as CKA_EC_POINT, and the wrapped part (40 bytes).

    Raises:
        ValueError: the point or the size of the part is wrong.
    """
    if len(part) != PART_BYTES:
        raise ValueError(f"a key part has {PART_BYTES} bytes, not {len(part)}")
    ephemeral = ec.generate_private_key(ec.SECP521R1())
    secret = ephemeral.exchange(ec.ECDH(), decode_point(importer_point))
    return encode_point(ephemeral.public_key()), aes_key_wrap(secret[-_AES_256_BYTES:], part)
