"""The golden state: an initialised instance with a full key store, made once and restored many times.

Everything in it is made through the doors that an operator and a user of the instance have.
"""

import os
import secrets
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from harness import inherited, sut
from harness.model.ledger import Ledger
from harness.model.registers import UnitRegisters
from harness.rig import interrupts
from harness.rig.populate import populate
from harness.rig.rig import Rig

SETUP_SECONDS = 60.0
ADMINISTRATORS = ("admin1", "admin2")


class GoldenError(Exception):
    """The instance could not be set up; the bench or the emulator is at fault."""


@dataclass(frozen=True)
class Golden:
    """A snapshot and what the bench knows of it."""

    snapshot: Path
    ledger: Ledger
    registers: Sequence[UnitRegisters]


def factory(rig: Rig) -> None:
    """Make crypto units in their factory state, an empty key store, and the directory.

    In sessions of their own: an interrupt from the keyboard is for the bench, which then ends them.
    """
    layout, shape = rig.layout, rig.shape
    for file in (layout.secret, layout.kms_config.parent / "apikey", layout.workstation / "apikey"):
        file.touch(mode=0o600)
    layout.secret.write_text(secrets.token_hex(32))
    apikey = secrets.token_hex(16)
    (layout.kms_config.parent / "apikey").write_text(apikey)
    (layout.workstation / "apikey").write_text(apikey)
    environment = inherited.environment(*sut.pin_variables(layout.module))
    with ExitStack() as stack:
        making = []
        for number, unit_type in zip(shape.numbers, shape.unit_types, strict=True):
            program = sut.unit_init(layout.unit(number), number, unit_type, layout.secret, layout.module)
            with interrupts.held():
                making.append(subprocess.Popen(program.argv, env=environment, start_new_session=True))
                stack.callback(_end, making[-1])
        for process in making:
            if process.wait(timeout=SETUP_SECONDS) != 0:
                raise GoldenError("a crypto unit could not be made; its message stands above")
    layout.write_directory(shape, relayed=True)
    rig.store.start()
    rig.store.make()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Make sure that a process does not outlive an interrupted set-up."""
    if process.poll() is None:
        process.kill()
        process.wait()


def initialise(rig: Rig) -> bytes:
    """Set up administrators, master key and key parts as an operator; return the key parts' master key."""
    _tke(rig, "login")
    for name in ADMINISTRATORS:
        _tke(rig, "sigkey-add", ("Enter an administrator name", name))
    _tke(
        rig,
        "auto-init",
        ("Enter the signature threshold value", "2"),
        ("Enter the revocation signature threshold value", "2"),
        ("Enter the number of administrators", "2"),
        ("KEYNUM values of signature keys", "1 2"),
    )
    parts = [os.urandom(32), os.urandom(32)]
    for part in parts:
        _tke(
            rig,
            "mk-add --value",
            ("Enter the key part value", part.hex()),
            ("Enter a description for the key part", "part"),
        )
    return bytes(one ^ other for one, other in zip(*parts, strict=True))


def prepare(rig: Rig) -> tuple[Ledger, Sequence[UnitRegisters]]:
    """Set up an instance on ``rig`` and leave it running; return its ledger and its registers."""
    factory(rig)
    rig.start()
    master_key = initialise(rig)
    rest = rig.rest()
    rows = populate(rest, rig.shape.keys)
    destroyed = next(row.key_id for row in rows if row.state == "destroyed" and row.ciphertext)
    return Ledger(rows, master_key, destroyed), rest.registers(rig.shape)


def make(rig: Rig, snapshot: Path) -> Golden:
    """Set up an instance and snapshot it; the rig is stopped afterwards."""
    ledger, registers = prepare(rig)
    rig.snapshot(snapshot)
    return Golden(snapshot, ledger, registers)


def _tke(rig: Rig, command: str, *answers: tuple[str, str]) -> None:
    ended = rig.tke(command, sut.answers(extra=answers))
    if ended.exit_code != 0:
        raise GoldenError(f"'tke {command}' ended with exit code {ended.exit_code}: {ended.lines[-3:]}")
