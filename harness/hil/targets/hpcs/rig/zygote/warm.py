"""What a process would do for the first time, done once in its warm parent.

OpenSSL looks its algorithms up at their first use, which is 2.4 ms and 400 page faults in each process, and
SoftHSM is loaded and initialised in 3 ms in each crypto unit. What the parent has done its children share.
Random numbers stay their own: each OpenSSL, that of SoftHSM as well, seeds itself anew after a fork.
"""

import contextlib
import importlib
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from hil.targets.hpcs import emulator as sut
from hsm_emulator.wire import message

_NOTHING = bytes(32)
_BEARER = {"Host": "localhost", "Authorization": "Bearer nobody"}
_TIMES = 20  # by then the interpreter has specialised the code, and that is shared as well


def warm_up() -> None:
    """Do what every process does, with keys that nobody uses."""
    _sign_and_seal()
    for _ in range(_TIMES):
        _exchange_messages()
    with tempfile.TemporaryDirectory() as folder, _put_back():
        _try_a_unit(Path(folder))


def _sign_and_seal() -> None:
    key, scheme = ec.generate_private_key(ec.SECP521R1()), ec.ECDSA(SHA512())
    key.public_key().verify(key.sign(_NOTHING, scheme), _NOTHING, scheme)
    key.exchange(ec.ECDH(), key.public_key())
    cipher = AESGCM(PBKDF2HMAC(SHA256(), 32, _NOTHING, 1).derive(_NOTHING))
    cipher.decrypt(_NOTHING, cipher.encrypt(_NOTHING, _NOTHING, None), None)
    jwt.decode(jwt.encode({}, _NOTHING, algorithm="HS256"), _NOTHING, algorithms=["HS256"])


def _exchange_messages() -> None:
    for start, body in (("GET / HTTP/1.1", b""), ("POST / HTTP/1.1", b"{}")):
        message.Reader().take(message.encode(start, _BEARER, body))
    message.Reader(replies=True).take(message.encode("HTTP/1.1 200 OK", {}, b"{}"))


def _try_a_unit(folder: Path) -> None:
    """Make a crypto unit and do what one does with its token; where that fails, units will say why."""
    secret, unit = folder / "secret", folder / "unit"
    secret.write_text(_NOTHING.hex())
    for program in (sut.unit_init(unit, 1, "RECOVERY", secret), sut.unit_trial(unit)):
        importlib.import_module(program.module).main(list(program.arguments))


@contextlib.contextmanager
def _put_back() -> Iterator[None]:
    """Undo what a program changes in its process, and drop what it prints."""
    environment, mask, folder = dict(os.environ), os.umask(0o077), Path.cwd()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        os.umask(mask)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
