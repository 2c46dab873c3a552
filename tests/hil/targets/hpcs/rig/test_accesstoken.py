"""The operator's access token, as the instance sees it."""

from pathlib import Path

import jwt
import pytest

from hil.targets.hpcs.rig import accesstoken
from hsm_emulator import bearer

SECRET = "secret-of-the-instance-under-test-only"


def test_an_expired_token_is_refused_for_that_alone(tmp_path: Path) -> None:
    """It still is the operator's and correctly signed; what the instance refuses is its age."""
    file = tmp_path / "token"
    file.write_text(bearer.issue(SECRET, "operator") + "\n")
    assert bearer.verify(SECRET, f"Bearer {file.read_text().strip()}") == "operator"
    accesstoken.expire(file, SECRET)
    with pytest.raises(bearer.BearerError):
        bearer.verify(SECRET, f"Bearer {file.read_text()}")
    held = jwt.decode(file.read_text(), SECRET, algorithms=["HS256"])
    assert held["sub"] == "operator"


def test_who_never_logged_in(tmp_path: Path) -> None:
    """There is nothing to expire, and nothing is made."""
    accesstoken.expire(tmp_path / "token", SECRET)
    accesstoken.renew(tmp_path / "token", bearer.issue(SECRET, "operator"))
    assert not list(tmp_path.iterdir())
