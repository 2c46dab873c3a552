"""How a crypto unit is made and how it is put into operation."""

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hsm_emulator.instance import UnitType
from hsm_emulator.unit.firmware import Firmware
from hsm_emulator.unit.module import module_of
from hsm_emulator.unit.softhsm import SOFTHSM
from hsm_emulator.unit.state import (
    Folder,
    Identity,
    UnitState,
    read_identity,
    read_state,
    write_identity,
    write_state,
)
from hsm_emulator.unit.token import TokenError

_LOCATION = re.compile(r"(\[[^\]]+\]\.)+\[(?P<domain>[0-9]+)\]")


class UsageError(Exception):
    """The order makes no sense here; nothing has changed. The text says what to do."""


def make(
    path: Path, number: int, unit_type: UnitType, location: str, secret: Path, module: Path | None
) -> None:
    """Make a unit in its factory state: imprint mode, empty registers, an initialised token.

    ``location`` ends with the domain index in brackets. ``module`` is a module.json, None for SoftHSM.
    unit.json is written last: a folder with it is whole.

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
    if module is None:
        require(SOFTHSM)
    elif not module.is_file():
        raise UsageError(f"{module} does not exist; name the description of the PKCS#11 module with --module")
    identity = Identity(number, unit_type, location, secrets.token_hex(8), int(domain["domain"]))
    shutil.rmtree(folder.tokens, ignore_errors=True)  # what an interrupted init left
    folder.tokens.mkdir(parents=True)
    folder.iam_secret.write_bytes(secret.read_bytes())
    folder.module.unlink(missing_ok=True)
    if module is not None:
        folder.module.write_bytes(module.read_bytes())
    with locked(folder):
        module_of(folder).make(folder, identity)
        write_state(folder, UnitState())
        write_identity(folder, identity)


def power_on(folder: Folder) -> Firmware:
    """Sweep the token and open it; the caller holds the folder's lock.

    Raises:
        UsageError: the folder holds no unit, or its PKCS#11 library is not there.
        OSError, TypeError, ValueError, KeyError: the unit's files are damaged.
        KeyLostError: the key of a register is gone.
        TokenError: the token does not open, or the key of a register was altered in it.
    """
    if not folder.identity.exists():
        raise UsageError(f"{folder.path} holds no crypto unit; make it with init")
    identity = read_identity(folder)
    state = read_state(folder)
    module = module_of(folder)
    require(module.library)
    exportable = identity.type is UnitType.RECOVERY
    token = module.open(folder, identity, state.registers.keys, exportable=exportable)
    try:
        token.check(state.registers.keys)
    except TokenError:
        token.close()
        raise
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


def require(library: Path) -> None:
    """Raise UsageError where a PKCS#11 library is not there."""
    if not library.is_file():
        raise UsageError(f"{library} does not exist; install the package that holds this PKCS#11 module")
