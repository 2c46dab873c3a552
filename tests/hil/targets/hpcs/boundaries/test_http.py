"""Replies that the bench gives in the place of a service."""

import json

import pytest

from hil.targets.hpcs.boundaries import http
from hsm_emulator import bearer


@pytest.mark.parametrize(
    ("status", "says"), [(401, bearer.UNAUTHORIZED), (503, "Service Unavailable")], ids=["401", "503"]
)
def test_an_error_says_what_the_service_says(status: int, says: str) -> None:
    """An expired token is told in the documented words, which the emulator itself uses; 503 by its phrase."""
    head, _, body = http._error(status).partition(b"\r\n\r\n")
    assert head.split()[1] == str(status).encode()
    assert json.loads(body)["error"]["message"] == says
