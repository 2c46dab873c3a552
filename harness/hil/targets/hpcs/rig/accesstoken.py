"""The operator's access token, a JSON Web Token (RFC 7519) in a file of the workstation."""

from pathlib import Path
from typing import Any

import jwt

from hsm_emulator import durable

ALGORITHM = "HS256"
LONG_AGO = 0.0  # seconds of the monotonic clock, by which tokens end (emulator/hsm_emulator/bearer.py)


def expire(file: Path, secret: str) -> None:
    """Replace a token by one that says the same and is no longer valid; ``secret`` is what it is signed with.

    Nothing where there is none: who has not logged in cannot be logged out.
    """
    if not file.exists():
        return
    durable.replace_bytes(file, expired(file.read_text().strip(), secret).encode())


def expired(token: str, secret: str) -> str:
    """Return a token that says the same as ``token``, signed with ``secret``, and ended long ago."""
    return jwt.encode({**_claims(token), "until": LONG_AGO}, secret, algorithm=ALGORITHM)


def renew(file: Path, token: str) -> None:
    """Put ``token`` in place of one that only has grown old; one that was made to expire stays so.

    Nothing where there is none. Not atomic: nobody may read the file meanwhile.
    """
    if file.exists() and _claims(file.read_text().strip())["until"] != LONG_AGO:
        file.write_text(f"{token}\n")


def _claims(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims
