"""How a crypto unit is made and how it is put into operation."""

import fcntl
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emulator.instance import UnitType
from emulator.unit.firmware import Firmware
from emulator.unit.state import (
    Folder,
    Identity,
    UnitState,
    read_identity,
    read_state,
    write_identity,
    write_state,
)
from emulator.unit.sweep import sweep, token_folder
from emulator.unit.token import Token

SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")
_TOOL_SECONDS = 30
_LOCATION = re.compile(r"(\[[^\]]+\]\.)+\[(?P<domain>[0-9]+)\]")


class UsageError(Exception):
    """The order makes no sense here; nothing has changed. The text says what to do."""


def make(path: Path, number: int, unit_type: UnitType, location: str, secret: Path, module: Path) -> None:
    """Make a unit in its factory state: imprint mode, empty registers, an initialised token.

    ``location`` ends with the domain index in brackets. unit.json is written last: a folder with it is whole.

    Raises:
        UsageError: the folder holds a unit already, or an argument is wrong.
    """
    folder = Folder(path)
    domain = _LOCATION.fullmatch(location)
    if domain is None or number < 1:
        raise UsageError("give a number from 1 and a location like [us-south].[AZ1-CS1].[01].[01]")
    if folder.identity.exists():
        raise UsageError(f"{path} already holds a crypto unit; choose another --dir")
    if not secret.is_file():
        raise UsageError(f"{secret} does not exist; name the secret of the instance with --iam-secret")
    _require_module(module)
    identity = Identity(number, unit_type, location, secrets.token_hex(8), int(domain["domain"]))
    shutil.rmtree(folder.tokens, ignore_errors=True)  # what an interrupted init left
    folder.tokens.mkdir(parents=True)
    folder.iam_secret.write_bytes(secret.read_bytes())
    with locked(folder):
        _initialise_token(folder, identity, module)
        write_state(folder, UnitState())
        write_identity(folder, identity)


def power_on(folder: Folder, module: Path) -> Firmware:
    """Sweep the token and open it; the caller holds the folder's lock.

    Raises:
        UsageError: the folder holds no unit, or there is no such module.
        OSError, TypeError, ValueError, KeyError: the unit's files are damaged.
        KeyLostError: the key of a register is gone.
        TokenError: the token does not open.
    """
    if not folder.identity.exists():
        raise UsageError(f"{folder.path} holds no crypto unit; make it with init")
    _require_module(module)
    identity = read_identity(folder)
    state = read_state(folder)
    objects = token_folder(folder.tokens)
    sweep(objects, state.registers.keys)
    _configure(folder)
    exportable = identity.type is UnitType.RECOVERY
    pin = folder.pin.read_text()
    token = Token(module, identity.token_label, pin, objects, exportable=exportable)
    return Firmware(folder, identity, state, token)


@contextmanager
def locked(folder: Folder) -> Iterator[None]:
    """Hold the folder of a unit: one process at a time works on it.

    Raises:
        UsageError: the unit runs, or there is no such folder.
    """
    try:
        descriptor = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        raise UsageError(f"{folder.path} does not exist; make the unit with init") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise UsageError(f"{folder.path} is in use; stop the crypto unit first") from None
    finally:
        os.close(descriptor)


def _require_module(module: Path) -> None:
    """Raise UsageError where the PKCS#11 library is not there."""
    if not module.is_file():
        raise UsageError(f"{module} does not exist; install softhsm2 or name the library with --module")


def _configure(folder: Folder) -> None:
    """Point the token library at this folder, wherever it is mounted now."""
    folder.softhsm_conf.write_text(
        f"directories.tokendir = {folder.tokens.absolute()}\n"
        "objectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n"
    )
    os.environ["SOFTHSM2_CONF"] = str(folder.softhsm_conf.absolute())


def _initialise_token(folder: Folder, identity: Identity, module: Path) -> None:
    """Initialise with a PIN for one use, because a command line shows it, and change it inside the token."""
    _configure(folder)
    first, pin = secrets.token_hex(8), secrets.token_hex(8)
    pins = ["--pin", first, "--so-pin", secrets.token_hex(8)]
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", identity.token_label, *pins],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=_TOOL_SECONDS,
    )
    token = Token(module, identity.token_label, first, token_folder(folder.tokens), exportable=False)
    token.change_pin(first, pin)
    folder.pin.write_text(pin)
