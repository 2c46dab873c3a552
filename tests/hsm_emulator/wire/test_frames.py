"""Properties of the frame layer: what a fault proxy relies on."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsm_emulator.wire import frames
from hsm_emulator.wire.calls import SIGNATURES, CallSignature
from hsm_emulator.wire.constants import Rv
from hsm_emulator.wire.errors import ProtocolError
from hsm_emulator.wire.frames import Frame, FrameReader

U32 = st.integers(0, 2**32 - 1)
FRAMES = st.lists(st.builds(Frame, U32, st.binary(max_size=80), st.binary(max_size=9)), max_size=6)


@given(st.integers(0, 255), FRAMES, st.lists(st.integers(0, 600)))
def test_any_split_of_the_stream_gives_the_same_frames(
    version: int, sent: list[Frame], cuts: list[int]
) -> None:
    """However the bytes of a direction arrive, the version byte and the frames are those that were sent."""
    stream = bytes((version,)) + b"".join(frame.encode() for frame in sent)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    reader = FrameReader()
    got = [frame for start, end in pairwise(edges) for frame in reader.feed(stream[start:end])]
    assert got == sent
    assert reader.version == version
    assert reader.pending == 0


@given(FRAMES.filter(bool), st.data())
def test_incomplete_frame_is_held(sent: list[Frame], data: st.DataObject) -> None:
    """Bytes of a frame that is not complete give no frame, and are counted."""
    stream = b"\0" + b"".join(frame.encode() for frame in sent)
    missing = data.draw(st.integers(1, len(sent[-1].encode())))
    reader = FrameReader()
    assert reader.feed(stream[:-missing]) == sent[:-1]
    assert reader.pending == len(sent[-1].encode()) - missing


def test_absurd_length_is_refused() -> None:
    """A length that no call has is refused at once instead of waited for."""
    with pytest.raises(ProtocolError, match="announced"):
        FrameReader().feed(b"\0" + b"\x00\x00\x00\x10" + b"\x00" * 4 + b"\xff" * 4)


@pytest.mark.parametrize("signature", SIGNATURES, ids=lambda signature: signature.name)
def test_calls_are_named(signature: CallSignature) -> None:
    """A request frame tells the PKCS#11 name of its call without its arguments being read."""
    body = frames.prefix(signature.number, signature.request) + b"whatever"
    assert frames.call_name(Frame(1, body)) == signature.name


@pytest.mark.parametrize("body", [b"", b"\0" * 8, b"\0\0\0\x63" + b"\0" * 4, b"\0\0\0\x3d"])
def test_frame_without_a_known_call_is_refused(body: bytes) -> None:
    """Empty, short, zero and unknown call numbers are protocol errors, not names."""
    with pytest.raises(ProtocolError):
        frames.call_name(Frame(1, body))


@given(U32, st.sampled_from([code for code in Rv if code]))
def test_forged_refusal_answers_its_request(code: int, rv: Rv) -> None:
    """An error reply carries the code of the request and the CKR value."""
    reply = frames.error_reply(Frame(code, frames.prefix(60, "uMuufy")), rv)
    assert reply.code == code
    assert frames.reply_code(reply) == rv


def test_ordinary_reply_is_ok() -> None:
    """A reply with the call's own number is CKR_OK; a malformed refusal is a protocol error."""
    assert frames.reply_code(Frame(1, frames.prefix(22, ""))) == Rv.OK
    with pytest.raises(ProtocolError, match="malformed"):
        frames.reply_code(Frame(1, frames.ERROR_PREFIX + b"\0"))
