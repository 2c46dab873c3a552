"""Bodies go through the codec and come back; known bytes pin the format itself."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsm_emulator.wire import codec, values
from hsm_emulator.wire.calls import BY_NAME, SIGNATURES, CallSignature
from hsm_emulator.wire.codec import BEFORE_0_25_6, SINCE_0_25_6, Dialect
from hsm_emulator.wire.constants import Attribute, Mechanism, Rv
from hsm_emulator.wire.errors import (
    BufferTooSmall,
    P11Error,
    PinIncorrect,
    ProtocolError,
    UnsupportedVersion,
    refusal,
)
from hsm_emulator.wire.frames import Frame, error_reply
from hsm_emulator.wire.values import Absent, Parameterised, pack_template

U64 = st.integers(0, 2**64 - 1)
U32 = st.integers(0, 2**32 - 1)
BYTES = st.binary(max_size=40)
DIALECTS = pytest.mark.parametrize("dialect", [BEFORE_0_25_6, SINCE_0_25_6], ids=["<0.25.6", ">=0.25.6"])
PLAIN = sorted(set(Attribute) - values.BOOLEANS - values.NUMBERS)
WITH_PARAMETER = sorted(set(Mechanism) - values.NEVER_PARAMETERISED)
TEMPLATES = st.builds(
    lambda booleans, numbers, plain: {**booleans, **numbers, **plain},
    st.dictionaries(st.sampled_from(sorted(values.BOOLEANS)), st.booleans()),
    st.dictionaries(st.sampled_from(sorted(values.NUMBERS)), U64),
    st.dictionaries(st.sampled_from(PLAIN), BYTES),
)
LETTERS: Mapping[str, st.SearchStrategy[Any]] = {
    "y": st.integers(0, 255),
    "u": U64,
    "s": BYTES,
    "z": BYTES,
    "v": st.tuples(st.integers(0, 255), st.integers(0, 255)),
    "ay": BYTES | st.builds(Absent, U32),
    "au": st.lists(U64, max_size=5) | st.builds(Absent, U32),
    "aA": TEMPLATES,
    "fy": U32,
    "fu": U32,
    "fA": st.lists(st.tuples(U32, U32), max_size=5),
    "M": st.sampled_from(Mechanism) | st.builds(Parameterised, st.sampled_from(WITH_PARAMETER), BYTES),
}


def arguments(letters: str) -> st.SearchStrategy[list[Any]]:
    """Values for a string of type letters."""
    return st.tuples(*[LETTERS[letter] for letter in codec._LETTERS.findall(letters)]).map(list)


@DIALECTS
@given(st.data(), st.sampled_from(SIGNATURES))
def test_requests_come_back(dialect: Dialect, data: st.DataObject, call: CallSignature) -> None:
    """Whatever a request of any call says is what its reader sees."""
    given_arguments = data.draw(arguments(call.request))
    frame = Frame(1, dialect.request(call.name, given_arguments))
    assert dialect.arguments(frame) == given_arguments


@DIALECTS
@given(st.data(), st.sampled_from(SIGNATURES))
def test_replies_come_back(dialect: Dialect, data: st.DataObject, call: CallSignature) -> None:
    """Whatever a reply of any call says is what its reader sees."""
    results = data.draw(arguments(call.reply))
    assert dialect.values(call.name, Frame(1, dialect.reply(call.name, results))) == results


@given(st.data(), st.sampled_from([call for call in SIGNATURES if call.request]), st.integers(1, 8))
def test_shortened_body_is_a_protocol_error(data: st.DataObject, call: CallSignature, missing: int) -> None:
    """A body that ends early, or runs on, is never read as something else."""
    body = BEFORE_0_25_6.request(call.name, data.draw(arguments(call.request)))
    for wrong in (body[:-missing], body + b"\0"):
        with pytest.raises(ProtocolError):
            BEFORE_0_25_6.arguments(Frame(1, wrong))


@given(TEMPLATES)
def test_packed_template_encodes_as_itself(template: dict[Attribute, Any]) -> None:
    """Packing once or at the call gives the same bytes."""
    packed = pack_template(template)
    ready = BEFORE_0_25_6.request("C_CreateObject", [1, packed])
    assert ready == BEFORE_0_25_6.request("C_CreateObject", [1, template])


@pytest.mark.parametrize(
    ("dialect", "mechanism", "expected"),
    [
        (BEFORE_0_25_6, Mechanism.AES_KEY_WRAP, "00002109ffffffff"),
        (BEFORE_0_25_6, Mechanism.SHA256, "00000250ffffffff"),
        (BEFORE_0_25_6, Parameterised(Mechanism.AES_CBC, b"iv"), "00001082000000026976"),
        (SINCE_0_25_6, Mechanism.AES_KEY_WRAP, "0000210900"),
        (SINCE_0_25_6, Mechanism.SHA256, "00000250"),
        (SINCE_0_25_6, Parameterised(Mechanism.AES_CBC, b"iv"), "0000108201000000026976"),
    ],
)
def test_bytes_of_a_mechanism(dialect: Dialect, mechanism: Mechanism, expected: str) -> None:
    """The two dialects differ in how a mechanism travels, and in nothing else."""
    head = b"\x00\x00\x00\x25\x00\x00\x00\x02uM" + bytes(7) + b"\x05"
    assert dialect.request("C_DigestInit", [5, mechanism]) == head + bytes.fromhex(expected)


def test_bytes_of_a_template() -> None:
    """Booleans travel as one byte, numbers as eight, strings with their length twice."""
    template: values.Template = {Attribute.TOKEN: True, Attribute.CLASS: 4, Attribute.ID: b"ab"}
    assert pack_template(template) == bytes.fromhex(
        "00000003"
        "00000001 01 00000001 01"
        "00000000 01 00000008 0000000000000004"
        "00000102 01 00000002 00000002 6162"
    )


@pytest.mark.parametrize(
    ("version", "dialect"), [(0, BEFORE_0_25_6), (1, BEFORE_0_25_6), (codec.VERSION_OFFERED, SINCE_0_25_6)]
)
def test_version_decides_the_dialect(version: int, dialect: Dialect) -> None:
    """Versions 0 and 1 write a mechanism the old way, version 2 the new way."""
    assert codec.dialect(version) is dialect


def test_later_version_is_refused() -> None:
    """A version that nobody here has read about is refused by number."""
    with pytest.raises(UnsupportedVersion, match="protocol version 3, this client knows 0 to 2"):
        codec.dialect(3)


def test_refusal_is_raised_by_name() -> None:
    """A CKR value of a reply becomes the exception of its own, an unknown one keeps its number."""
    request = Frame(7, b"")
    with pytest.raises(PinIncorrect, match="C_Login: CKR_PIN_INCORRECT"):
        BEFORE_0_25_6.values("C_Login", error_reply(request, Rv.PIN_INCORRECT))
    with pytest.raises(P11Error, match="C_Login: CKR 0x80001234"):
        BEFORE_0_25_6.values("C_Login", error_reply(request, 0x80001234))
    assert isinstance(refusal(Rv.BUFFER_TOO_SMALL, "C_WrapKey"), BufferTooSmall)


@pytest.mark.parametrize(
    ("kind", "value", "error"),
    [(0x40000211, b"", ValueError), (Attribute.LABEL, "text", TypeError)],
)
def test_values_that_cannot_travel_are_refused(kind: Attribute, value: bytes, error: type[Exception]) -> None:
    """An attribute array, or text where bytes belong, is refused here and not by the unit."""
    with pytest.raises(error):
        pack_template({kind: value})


def test_wrong_number_of_arguments_is_refused() -> None:
    """A call cannot be encoded with arguments missing."""
    assert BY_NAME["C_DestroyObject"].request == "uu"
    with pytest.raises(ValueError, match="shorter"):
        BEFORE_0_25_6.request("C_DestroyObject", [1])
