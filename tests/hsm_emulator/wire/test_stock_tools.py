"""What the tools that everybody has can do against the same server, and the one thing they cannot."""

import subprocess
from typing import TYPE_CHECKING

import pytest

from hsm_emulator.wire.call import Call
from hsm_emulator.wire.client import Session
from hsm_emulator.wire.constants import Attribute, Mechanism, ObjectClass, P11KeyType
from hsm_emulator.wire.values import Template

if TYPE_CHECKING:
    from tests.hsm_emulator.wire.conftest import InProcessToken, Server

STOCK_CLIENT = "/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so"
LABEL = "unit1"
PIN = "one-pin-of-the-tests"
KEY: Template = {
    Attribute.CLASS: ObjectClass.SECRET_KEY,
    Attribute.KEY_TYPE: P11KeyType.AES,
    Attribute.TOKEN: True,
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: True,
    Attribute.ENCRYPT: True,
    Attribute.WRAP: True,
    Attribute.LABEL: b"master-key",
    Attribute.VALUE: bytes(32),
}


def test_pkcs11_tool_lists_the_objects(server: "Server", session: Session) -> None:
    """`pkcs11-tool --list-objects` over the stock client shows a key that our client made."""
    session.create(KEY)
    command = ["pkcs11-tool", "--module", STOCK_CLIENT, "--token-label", LABEL, "--login", "--pin", PIN]
    listing = subprocess.run(
        [*command, "--list-objects"], env=server.environment, check=True, capture_output=True, timeout=20
    )
    assert b"AES length 32" in listing.stdout
    assert b"master-key" in listing.stdout


def test_python_pkcs11_uses_the_same_key(stock: "InProcessToken", session: Session) -> None:
    """python-pkcs11 over the stock client finds that key, digests and encrypts with it as ours does."""
    ours = session.create(KEY)
    stock.do("open_session", LABEL, PIN)
    (theirs,) = stock.do("find", {Attribute.LABEL: b"master-key"})
    assert stock.do("digest_key_pattern", theirs) == session.digest_key_pattern(ours)
    block = bytes(range(16))
    made = session._all(Call("C_EncryptInit", (Mechanism.AES_ECB, ours)), Call("C_Encrypt", (block, 64)))[-1]
    assert stock.do("encrypt", Mechanism.AES_ECB, theirs, block) == made


def test_stock_client_refuses_aes_key_wrap(stock: "InProcessToken", session: Session) -> None:
    """The stock client cannot carry AES_KEY_WRAP, which is why the project has its own."""
    session.create(KEY)
    stock.do("open_session", LABEL, PIN)
    (theirs,) = stock.do("find", {Attribute.LABEL: b"master-key"})
    with pytest.raises(Exception, match="MECHANISMINVALID"):
        stock.do("wrap", Mechanism.AES_KEY_WRAP, theirs, theirs)
    (ours,) = session.find({Attribute.LABEL: b"master-key"})
    assert len(session.wrap(Mechanism.AES_KEY_WRAP, ours, ours)) == 40
