"""A whole rotation to a master key that the bench knows, with everything that it writes or sends kept."""

import base64
import hashlib
import json
import select
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.boundaries.relay import Exchange, Relay
from hil.targets.hpcs.model.ledger import Ledger
from hil.targets.hpcs.play.bench import Bench
from hil.targets.hpcs.rig import golden
from hil.targets.hpcs.rig.layout import scratch
from hil.targets.hpcs.rig.rig import Rig

SHAPE = sut.Shape(operational=1, recovery=1, keys=8)


class Captured:
    """An instance whose every socket is listened in on; ``wire`` is what crossed each, in both directions."""

    def __init__(self, rig: Rig, ledger: Ledger) -> None:
        self.rig = rig
        self.ledger = ledger
        self.wire: dict[str, bytearray] = {}

    def tap(self, name: str) -> Exchange:
        """Return an exchange that passes bytes on and keeps a copy."""
        copy = self.wire.setdefault(name, bytearray())

        def run(downstream: socket.socket, upstream: socket.socket) -> None:
            other = {downstream: upstream, upstream: downstream}
            while True:
                for end in select.select([downstream, upstream], [], [], 60)[0]:
                    data = end.recv(65536)
                    if not data:
                        return
                    copy.extend(data)
                    other[end].sendall(data)

        return run

    def everything(self) -> dict[str, bytes]:
        """Files of units, kms and workstation, logs, the terminal, and the sockets."""
        files = {
            str(path.relative_to(self.rig.layout.files)): path.read_bytes()
            for path in self.rig.layout.files.rglob("*")
            if path.is_file()
        }
        terminal = {"the terminal": "\n".join(self.rig.terminal.printed).encode()}
        return files | terminal | {name: bytes(copy) for name, copy in self.wire.items()}


def _tapped(captured: Captured, stack: ExitStack) -> None:
    """Put a tap on every socket of the instance, between the programs and what they talk to."""
    layout = captured.rig.layout
    directory, config = (json.loads(path.read_text()) for path in (layout.instance, layout.kms_config))

    def relay(name: str, upstream: Path) -> str:
        listen = layout.sockets / f"tap-{name}"
        stack.callback(Relay(listen, upstream, captured.tap(name)).close)
        return str(listen)

    directory["kms_socket"] = relay("rest", layout.rest())
    for unit in directory["units"]:
        unit["admin_socket"] = relay(f"admin{unit['number']}", layout.admin(unit["number"]))
    for unit in config["units"]:
        unit["admin_socket"] = relay(f"look{unit['number']}", layout.admin(unit["number"]))
        unit["p11_socket"] = relay(f"p11-{unit['number']}", layout.p11(unit["number"]))
    layout.instance.write_text(json.dumps(directory))
    layout.kms_config.write_text(json.dumps(config))


@pytest.fixture
def captured() -> Iterator[Captured]:
    """A small instance with its taps."""
    with ExitStack() as stack:
        root = scratch("test-")
        stack.callback(shutil.rmtree, root)
        rig = Bench("test", root, SHAPE, "", root).rig("rig")
        stack.callback(rig.close)
        ledger, _ = golden.prepare(rig)
        rig.stop()
        captured = Captured(rig, ledger)
        _tapped(captured, stack)
        rig.start()
        yield captured


def test_a_known_master_key_stands_nowhere_in_clear(captured: Captured) -> None:
    """Rotated to by key parts, the master key is in no file, log, terminal line or socket, in any writing."""
    for command in sut.FLOWS["parts"]:
        ended = captured.rig.tke(command, sut.answers())
        assert ended.exit_code == 0, ended.lines
    key = captured.ledger.master_key
    current = captured.rig.rest().unit(1)["registers"]["current"]
    assert current["pattern"] == hashlib.sha256(b"\x01" + key).hexdigest()
    found = captured.everything()
    forms = (key, key.hex().encode(), key.hex().upper().encode(), base64.b64encode(key))
    assert [name for name, content in found.items() if any(form in content for form in forms)] == []
    # What makes the search worth something: the rotation is in what was searched.
    assert b"Full Committed" in found["admin1"]
    assert b"/api/v2/rotation/rewrap" in found["rest"]
    assert len(found["p11-1"]) > 1000
    assert any(name.startswith("units/1/tokens/") for name in found)
