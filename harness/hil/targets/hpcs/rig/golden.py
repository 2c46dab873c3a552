"""The golden state: an initialised instance with a full key store, made once and restored many times.

Everything in it is made through the doors that an operator and a user of the instance have.
"""

import os
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hil import inherited
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.boundaries.terminal import NoAnswerKnown
from hil.targets.hpcs.model.ledger import Ledger
from hil.targets.hpcs.model.registers import UnitRegisters
from hil.targets.hpcs.rig.keystore.server import ServerBroken
from hil.targets.hpcs.rig.keystore.store import StoreNotMade
from hil.targets.hpcs.rig.layout import Layout
from hil.targets.hpcs.rig.populate import populate
from hil.targets.hpcs.rig.process import interrupts
from hil.targets.hpcs.rig.process.child import NotKilled, last_line
from hil.targets.hpcs.rig.process.ready import NotReady
from hil.targets.hpcs.rig.rest import RequestRefused
from hil.targets.hpcs.rig.rig import Rig
from hil.targets.hpcs.rig.zygote.client import WarmParentGone
from hsm_emulator.wire import unixhttp

SETUP_SECONDS = 60.0
SAID_LINES = 3
ADMINISTRATORS = ("admin1", "admin2")


class GoldenError(Exception):
    """The instance could not be set up; the text names the command that failed, and what it said last."""


# What may come of a set-up that the emulator, or the machine, refuses.
REFUSALS = (
    NotKilled,
    NotReady,
    WarmParentGone,
    NoAnswerKnown,
    OSError,
    RequestRefused,
    ServerBroken,
    StoreNotMade,
    subprocess.SubprocessError,
    unixhttp.Unreachable,
)


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
            with interrupts.held(), _log(layout, number).open("ab") as log:
                process = subprocess.Popen(
                    program.argv, env=environment, start_new_session=True, stdout=log, stderr=log
                )
                making.append(process)
                stack.callback(_end, process)
        for number, process in zip(shape.numbers, making, strict=True):
            if (code := process.wait(timeout=SETUP_SECONDS)) != 0:
                said = last_line(_log(layout, number))
                raise GoldenError(f"'unit init' of crypto unit {number} ended with exit code {code}: {said}")
    layout.write_directory(shape, relayed=True)
    rig.store.start()
    rig.store.make()


def _log(layout: Layout, number: int) -> Path:
    return layout.logs / f"unit-{number}.log"


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
    """Set up an instance on ``rig`` and leave it running; return its ledger and its registers.

    Raises GoldenError.
    """
    with _step("the crypto units and the key store were made"):
        factory(rig)
    with _step("the processes of the instance were started"):
        rig.start()
    master_key = initialise(rig)
    with _step("keys were put into the key store"):
        rest = rig.rest()
        rows = populate(rest, rig.shape.keys)
        destroyed = next(row.key_id for row in rows if row.state == "destroyed" and row.ciphertext)
        return Ledger(rows, master_key, destroyed), rest.registers(rig.shape)


def make(rig: Rig, snapshot: Path) -> Golden:
    """Set up an instance and snapshot it; the rig is stopped afterwards. Raises GoldenError."""
    ledger, registers = prepare(rig)
    with _step("the instance was copied"):
        rig.snapshot(snapshot)
    return Golden(snapshot, ledger, registers)


@contextmanager
def _step(what: str) -> Iterator[None]:
    try:
        yield
    except REFUSALS as error:
        raise GoldenError(f"while {what}: {str(error) or type(error).__name__}") from error


def _tke(rig: Rig, command: str, *answers: tuple[str, str]) -> None:
    with _step(f"'tke {command}' ran"):
        ended = rig.tke(command, sut.answers(extra=answers))
    if ended.exit_code != 0:
        said = " ".join(ended.lines[-SAID_LINES:])
        raise GoldenError(f"'tke {command}' ended with exit code {ended.exit_code}: {said}")
