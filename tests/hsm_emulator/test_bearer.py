"""Bearer tokens of an instance."""

import time

import jwt
import pytest

from hsm_emulator import bearer

SECRET = "secret-of-the-instance-under-test-only"


def test_the_end_of_a_token_is_no_date() -> None:
    """It lies a lifetime ahead on the monotonic clock, so a wall clock that is set ends no token."""
    before = time.monotonic()
    claims = jwt.decode(bearer.issue(SECRET, "operator"), SECRET, algorithms=["HS256"])
    after = time.monotonic()
    assert before <= claims["until"] - bearer.LIFETIME_SECONDS <= after
    assert set(claims) == {"sub", "until"}


@pytest.mark.parametrize("claims", [{"sub": "operator"}, {"sub": "operator", "exp": 2**33}, {"until": 2**33}])
def test_a_token_without_an_end_or_an_owner(claims: dict[str, object]) -> None:
    """It is refused, also where a date stands in it in place of its end."""
    token = jwt.encode(claims, SECRET, algorithm="HS256")
    with pytest.raises(bearer.BearerError):
        bearer.verify(SECRET, f"Bearer {token}")
