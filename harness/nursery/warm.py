"""What a process would do for the first time, done once in its warm parent.

OpenSSL looks its algorithms up at their first use, which is 2.4 ms and 400 page faults in each process; what
the parent has looked up its children share. Random numbers stay their own: OpenSSL seeds itself anew after a
fork.
"""

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

_NOTHING = bytes(32)


def warm_up() -> None:
    """Sign, verify, derive and decrypt, with keys that nobody uses."""
    key, scheme = ec.generate_private_key(ec.SECP521R1()), ec.ECDSA(SHA512())
    key.public_key().verify(key.sign(_NOTHING, scheme), _NOTHING, scheme)
    key.exchange(ec.ECDH(), key.public_key())
    cipher = AESGCM(PBKDF2HMAC(SHA256(), 32, _NOTHING, 1).derive(_NOTHING))
    cipher.decrypt(_NOTHING, cipher.encrypt(_NOTHING, _NOTHING, None), None)
    jwt.decode(jwt.encode({}, _NOTHING, algorithm="HS256"), _NOTHING, algorithms=["HS256"])
