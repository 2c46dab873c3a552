"""Secrets are taken out by their form; what is public stays."""

import base64
import os

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from hil.model.redaction import Redactor

PATTERN = "b464de818f1f06ebea74dc15c1b5888ce4c5b1a7ef55c641e6c872be69c3ccaf"


def _pem() -> str:
    return (
        ec.generate_private_key(ec.SECP521R1())
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


@pytest.mark.parametrize(
    ("secret", "form"),
    [
        (os.urandom(32).hex(), "hex"),
        (os.urandom(16).hex().upper(), "hex"),
        (base64.b64encode(os.urandom(32)).decode(), "base64"),
        (base64.b64encode(os.urandom(16)).decode(), "base64"),
        (jwt.encode({"sub": "bench"}, "s" * 32), "token"),
        (_pem().strip(), "private key"),
        (_pem().replace("\n", "\\n").rstrip("\\n"), "private key"),
    ],
    # not the secrets: they are random, and workers of xdist have to name a test alike
    ids=["hex", "capital hex", "base64", "short base64", "token", "PEM", "PEM in JSON"],
)
def test_forms(secret: str, form: str) -> None:
    """Each form in which key material is printed is taken out, and what stands around it stays."""
    redact = Redactor()
    assert (
        redact(f'{{"text": "before {secret} behind"}}') == f'{{"text": "before [redacted {form} 1] behind"}}'
    )
    assert redact.found == 1


def test_the_same_secret_has_the_same_number() -> None:
    """A reader still sees which values were equal, also over several texts."""
    redact, one, other = Redactor(), "1" * 40, "2" * 40
    assert redact(f"{one} {other}") == "[redacted hex 1] [redacted hex 2]"
    assert redact(other) == "[redacted hex 2]"


@pytest.mark.parametrize(
    "text",
    [
        f"CURRENT {PATTERN}",
        f"{PATTERN[:32]}   \n   {PATTERN[32:]}",
        f"under a master key that is in no register ({PATTERN[:32]})",
        "0" * 64,
        "key 1f495ed5-074c-4e49-8431-e35f80ad8455 version 1",
        "admin1 (fd92d3ca022487e336e7b028b67eb7...)",
        "'sha256-RFWPLDbv2BY+rCkDzsE+0fr8ylGr2R2faWMhq4lfEQc='",
        "image sha256:" + "ab" * 32,
        "auto/kms@C_WrapKey.7-after/documented",
    ],
)
def test_what_is_public_stays(text: str) -> None:
    """Patterns that are told, whole or in halves, ids, image digests and hashes of a page are left."""
    assert Redactor([PATTERN])(text) == text


def test_a_secret_without_a_form() -> None:
    """A PIN is found where it is named, also as a part of a longer text."""
    redact = Redactor(secrets=["73915", ""])
    assert redact("pin=73915;") == "pin=[redacted secret 1];"


@given(st.binary(min_size=16, max_size=66), st.text(alphabet=" \n\t,;:\"'()", min_size=1, max_size=3))
def test_no_key_bytes_pass(key: bytes, around: str) -> None:
    """Of 16 bytes and more neither writing survives, whatever separates them from the rest."""
    text = f"{around}{key.hex()}{around}"
    if set(key) != {0}:
        assert key.hex() not in Redactor()(text)
    padded = base64.b64encode(key).decode()
    if padded.endswith("="):
        assert padded not in Redactor()(f"{around}{padded}{around}")
