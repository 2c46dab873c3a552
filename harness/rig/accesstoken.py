"""The operator's access token, a JSON Web Token (RFC 7519) in a file of the workstation."""

from pathlib import Path

import jwt

from emulator import durable

ALGORITHM = "HS256"
LONG_AGO = 0  # seconds since 1970


def expire(file: Path, secret: str) -> None:
    """Replace a token by one that says the same and is no longer valid; ``secret`` is what it is signed with.

    Nothing where there is none: who has not logged in cannot be logged out.
    """
    if not file.exists():
        return
    claims = jwt.decode(file.read_text().strip(), options={"verify_signature": False})
    expired = jwt.encode({**claims, "exp": LONG_AGO}, secret, algorithm=ALGORITHM)
    durable.replace_bytes(file, expired.encode())
