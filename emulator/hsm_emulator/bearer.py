"""Bearer tokens of the instance: HS256 JSON Web Tokens (RFC 7519) with a lifetime.

The secret is a file of the instance; the kms issues tokens for an API key, the kms and the crypto units
verify them. A token lives 3600 seconds unless the issuer says otherwise, as on the real service.

Its end is in seconds of CLOCK_MONOTONIC, in a claim of our own, ``until``: a lifetime is no date, and a wall
clock that is set in mid-rotation would end, or prolong, every token of the instance. That clock is one for
all processes of a machine, its containers too, as they share the kernel. It stands still while the machine
sleeps, so a token does not age then; CLOCK_BOOTTIME would let it. Rejected: ``exp``, which RFC 7519 defines
as a date. A token that outlives the boot of its machine is taken for longer than its hour.
"""

import functools
import time

import jwt

LIFETIME_SECONDS = 3600
UNAUTHORIZED = (
    "Your access token is invalid, expired, "
    "or does not have the necessary permissions to access this instance."
)


class BearerError(Exception):
    """The caller's token is missing, malformed, forged or expired; log in again."""


def issue(secret: str, subject: str, seconds: int = LIFETIME_SECONDS) -> str:
    """Return a token for ``subject`` that expires in ``seconds`` (a negative number: expired)."""
    return jwt.encode({"sub": subject, "until": time.monotonic() + seconds}, secret, algorithm="HS256")


def verify(secret: str, authorization: str | None) -> str:
    """Return the subject of an ``Authorization`` header value; raise BearerError where it does not hold."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme != "Bearer":
        raise BearerError(UNAUTHORIZED)
    subject, until = _claims(secret, token)
    if until <= time.monotonic():
        raise BearerError(UNAUTHORIZED)
    return subject


@functools.lru_cache(maxsize=64)
def _claims(secret: str, token: str) -> tuple[str, float]:
    """Return subject and end of a token whose signature holds; a command sends one token many times."""
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            options={"require": ["until", "sub"]},
        )
        return str(claims["sub"]), float(claims["until"])
    except (jwt.InvalidTokenError, TypeError, ValueError) as error:
        raise BearerError(UNAUTHORIZED) from error
