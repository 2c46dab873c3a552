"""The tools that everybody has, pointed at a crypto unit of a running instance."""

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hil.targets.hpcs import emulator as sut

if TYPE_CHECKING:
    from tests.hil.targets.hpcs.oracle.conftest import Scene

STOCK_CLIENT = "/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so"
LIST_WITH_PYTHON_PKCS11 = """
import pkcs11, sys
module, label, pin = sys.argv[1:]
with pkcs11.lib(module).get_token(token_label=label).open(user_pin=pin) as session:
    for key in session.get_objects({pkcs11.Attribute.LABEL: "master-key"}):
        print(key.object_class.name, key.id.hex())
"""
CLEAR_UNWRAP = """
import pkcs11, sys
module, label, pin, key_id = sys.argv[1:]
with pkcs11.lib(module).get_token(token_label=label).open(rw=True, user_pin=pin) as session:
    key = session.get_key(object_class=pkcs11.ObjectClass.SECRET_KEY, id=bytes.fromhex(key_id))
    try:
        key[pkcs11.Attribute.UNWRAP] = False
    except pkcs11.exceptions.PKCS11Error as error:
        print(type(error).__name__, key[pkcs11.Attribute.UNWRAP])
"""
SECONDS = 60.0


@pytest.fixture
def unit(scene: "Scene") -> tuple[dict[str, str], str, str]:
    """Environment that leads the stock client to unit 1, its PIN, and the id of its master key."""
    socket = scene.rig.layout.p11(1)
    key_id = scene.rig.rest().unit(1)["registers"]["current"]["key_id"]
    pin = (scene.rig.layout.unit(1) / "pin").read_text().strip()
    return os.environ | {"P11_KIT_SERVER_ADDRESS": f"unix:path={socket}"}, pin, key_id


def _run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True, timeout=SECONDS
    )
    return done.stdout


def test_pkcs11_tool_lists_the_master_key(unit: tuple[dict[str, str], str, str]) -> None:
    """`pkcs11-tool --list-objects` shows the one master key that the unit's CURRENT register names."""
    environment, pin, key_id = unit
    command = ["pkcs11-tool", "--module", STOCK_CLIENT, "--token-label", "unit1", "--login", "--pin", pin]
    listing = _run([*command, "--list-objects"], environment)
    assert listing.count("Secret Key Object") == 1
    assert key_id in listing


def test_python_pkcs11_finds_the_master_key(unit: tuple[dict[str, str], str, str]) -> None:
    """python-pkcs11 over p11-kit-client.so finds the same key by its label."""
    environment, pin, key_id = unit
    command = [sys.executable, "-c", LIST_WITH_PYTHON_PKCS11, STOCK_CLIENT, "unit1", pin]
    assert _run(command, environment).split() == ["SECRET_KEY", key_id]


def test_a_master_key_cannot_be_changed(scene: "Scene", unit: tuple[dict[str, str], str, str]) -> None:
    """Whoever has the PIN is refused a change of a master key, and the unit goes on with it."""
    environment, pin, key_id = unit
    command = [sys.executable, "-c", CLEAR_UNWRAP, STOCK_CLIENT, "unit1", pin, key_id]
    assert _run(command, environment).split() == ["PKCS11Error", "True"]
    assert scene.judge().findings == ()


def test_a_destroyed_master_key_is_told(scene: "Scene", unit: tuple[dict[str, str], str, str]) -> None:
    """A master key that a client has destroyed is told by every command that shows or uses a register."""
    environment, pin, key_id = unit
    tool = ["pkcs11-tool", "--module", STOCK_CLIENT, "--token-label", "unit1", "--login", "--pin", pin]
    _run([*tool, "--delete-object", "--type", "secrkey", "--id", key_id], environment)
    for command in ("cryptounit-mks", "cryptounit-compare", "auto-mk-recover", "auto-mk-rotate"):
        ended = scene.rig.tke(command, sut.answers())
        said = " ".join(ended.lines)
        assert ended.exit_code == 1, said
        assert "of a register is gone" in said
        assert "Crypto unit: 1" in said
