"""The ciphertext format."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsm_emulator.kms import ciphertext
from hsm_emulator.kms.errors import Code, KmsError


@given(version=st.integers(1, 10**6), blob=st.binary(min_size=1, max_size=64))
def test_what_is_sealed_opens_again(version: int, blob: bytes) -> None:
    """A ciphertext carries version and blob unchanged."""
    assert ciphertext.open_sealed(ciphertext.seal(version, blob)) == (version, blob)


@given(text=st.one_of(st.text(), st.none(), st.integers(), st.binary().map(ciphertext.encode)))
def test_anything_else_is_a_bad_request(text: object) -> None:
    """Whatever a caller sends, the answer is a refusal and never a crash."""
    with pytest.raises(KmsError) as refused:
        ciphertext.open_sealed(text)
    assert refused.value.code is Code.BAD_REQUEST


@pytest.mark.parametrize("size", [0, 1, 15, 17, 31, 33])
def test_material_has_a_key_size(size: int) -> None:
    """Key bytes of another size than 16, 24 or 32 are refused without being shown."""
    given_bytes = b"\xab" * size
    with pytest.raises(KmsError) as refused:
        ciphertext.material({"payload": ciphertext.encode(given_bytes)}, "payload")
    assert refused.value.code is Code.BAD_REQUEST
    assert "q6ur" not in str(refused.value)
