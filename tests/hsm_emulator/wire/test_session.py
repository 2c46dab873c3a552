"""Pipelining, and the check of the master key before it is used."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from hsm_emulator.wire.call import Call
from hsm_emulator.wire.client import Session
from hsm_emulator.wire.connection import WINDOW
from hsm_emulator.wire.constants import Attribute, Mechanism, ObjectClass, P11KeyType
from hsm_emulator.wire.errors import GeneralError, HandleInvalid, WrongMasterKey
from hsm_emulator.wire.values import Template, pack_template
from tests.hsm_emulator.wire.drawn import drawing, drawn

KEY_ID = b"\x07" * 16
MASTER = bytes(range(32))
PATTERN = sha256(b"\x01" + MASTER).digest()
DATA: Template = {Attribute.CLASS: ObjectClass.DATA, Attribute.TOKEN: False}
AES: Template = {
    Attribute.CLASS: ObjectClass.SECRET_KEY,
    Attribute.KEY_TYPE: P11KeyType.AES,
    Attribute.TOKEN: False,
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: False,
    Attribute.EXTRACTABLE: True,
}
MASTER_KEY: Template = {
    **AES,
    Attribute.TOKEN: True,
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.WRAP: True,
    Attribute.UNWRAP: True,
    Attribute.ID: KEY_ID,
    Attribute.VALUE: MASTER,
}


def test_results_keep_the_order_of_the_calls(session: Session) -> None:
    """More calls than the window holds come back in order, each with its own result."""
    keys = [bytes((number % 256, number // 256)) * 16 for number in range(3 * WINDOW + 1)]
    handles = session.run([Call.create({**AES, Attribute.VALUE: key}) for key in keys])
    values = session.run([Call.attributes(handle, [Attribute.VALUE]) for handle in handles])
    assert [value[Attribute.VALUE] for value in values] == keys
    assert session.run([]) == []


def test_one_refusal_stands_beside_the_results_of_others(session: Session) -> None:
    """A refused call in a run is an exception in its place; calls before and after it have their results."""
    key = session.create({**AES, Attribute.VALUE: MASTER})
    good = Call.attributes(key, [Attribute.VALUE])
    first, second, third = session.run([good, Call.destroy(987654), good])
    assert first == third == {Attribute.VALUE: MASTER}
    assert isinstance(second, HandleInvalid)


def test_full_buffers_in_both_directions_do_not_deadlock(session: Session) -> None:
    """Requests and replies far larger than the socket buffers pass, though neither side waits its turn."""
    big = {**DATA, Attribute.VALUE: bytes(100_000)}
    handles = session.run([Call.create(big)] * 20)
    assert [len(answer) for answer in session.run([drawing(50_000)] * 200)] == [50_000] * 200
    assert len(set(handles)) == 20


def test_threads_share_a_session(session: Session) -> None:
    """Exchanges of several threads on one session do not mix their replies."""

    def lengths(length: int) -> set[int]:
        return {len(one) for one in session.run([drawing(length)] * WINDOW)}

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lengths, range(1, 9))) == [{length} for length in range(1, 9)]


def test_packed_template_is_the_same_template(session: Session) -> None:
    """A template packed once serves every call that takes one."""
    packed = pack_template({**AES, Attribute.VALUE: MASTER, Attribute.LABEL: b"packed"})
    made = sorted(session.run([Call.create(packed)] * 3))
    assert sorted(session.find(pack_template({Attribute.LABEL: b"packed"}))) == made


def test_rewrap_in_three_runs(session: Session) -> None:
    """Unwrap, wrap and destroy, each pipelined, put keys from one master key under another."""
    old = session.create(MASTER_KEY)
    new = session.generate_key(
        Mechanism.AES_KEY_GEN, {**AES, Attribute.WRAP: True, Attribute.VALUE_LEN: 32, Attribute.UNWRAP: True}
    )
    keys = [sha256(bytes((number,))).digest() for number in range(50)]
    blobs = [aes_key_wrap(MASTER, key) for key in keys]
    handles = session.run([Call.unwrap(Mechanism.AES_KEY_WRAP, old, blob, AES) for blob in blobs])
    rewrapped = session.run([Call.wrap(Mechanism.AES_KEY_WRAP, new, handle) for handle in handles])
    assert session.run([Call.destroy(handle) for handle in handles]) == [None] * 50
    value = session.attributes(new, [Attribute.VALUE])[Attribute.VALUE]
    assert isinstance(value, bytes)
    assert rewrapped == [aes_key_wrap(value, key) for key in keys]


def test_closed_session_destroys_its_objects(session: Session) -> None:
    """Handles of a closed session are refused, by name."""
    session.create({**AES, Attribute.VALUE: MASTER})
    session.close()
    with pytest.raises(HandleInvalid, match="CKR_SESSION_HANDLE_INVALID"):
        drawn(session, 8)


def test_right_master_key_is_returned(session: Session) -> None:
    """The master key that has the id and the pattern is the one that the caller gets."""
    handle = session.create(MASTER_KEY)
    assert session.master_key(KEY_ID, PATTERN) == handle


def test_wrong_master_key_is_named_before_anything_is_unwrapped(session: Session) -> None:
    """Another key under the id is told by its pattern, where an unwrap says only general error."""
    handle = session.create({**MASTER_KEY, Attribute.VALUE: bytes(32)})
    with pytest.raises(GeneralError):
        session.unwrap(Mechanism.AES_KEY_WRAP, handle, aes_key_wrap(MASTER, bytes(32)), AES)
    found = sha256(b"\x01" + bytes(32)).hexdigest()[:8]
    with pytest.raises(WrongMasterKey, match=f"expected .*{PATTERN.hex()[:8]}, but .*{found}"):
        session.master_key(KEY_ID, PATTERN)


def test_absent_master_key_is_a_wrong_one(session: Session) -> None:
    """A unit that holds no key of the id is refused the same way."""
    with pytest.raises(WrongMasterKey, match="the unit has no such key"):
        session.master_key(KEY_ID, PATTERN)
