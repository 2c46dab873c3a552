"""Bounded waiting for readiness: the only place of the project where anything is tried again.

What is tried again only looks. A retry of a command that changes a register or a row would be the very
mistake that this bench exists to show.
"""

from collections.abc import Callable
from pathlib import Path

from tenacity import RetryError, retry_if_result, stop_after_delay, wait_fixed
from tenacity import Retrying as _Retrying

from hil.targets.hpcs.rig.layout import Layout
from hsm_emulator.wire import unixhttp

POLL_SECONDS = 0.005
LOOK_SECONDS = 2.0


class NotReady(Exception):
    """Something of the rig did not become ready in time."""


def until(look: Callable[[], bool], what: str, seconds: float) -> None:
    """Call ``look``, which must not change anything, until it is true; raises NotReady after ``seconds``."""
    retrying = _Retrying(
        stop=stop_after_delay(seconds),
        wait=wait_fixed(POLL_SECONDS),
        retry=retry_if_result(lambda seen: not seen),
    )
    try:
        retrying(look)
    except RetryError as error:
        raise NotReady(f"{what} was not ready within {seconds:g} s") from error


def unit_answers(socket_dir: Path) -> bool:
    """Whether a unit's admin socket speaks HTTP; it does so only when its PKCS#11 socket stands too."""
    try:
        unixhttp.request(socket_dir / "admin.sock", "GET", "/v1/unit", seconds=LOOK_SECONDS)
    except unixhttp.Unreachable:
        return False
    return True


def kms_answers(layout: Layout) -> bool:
    """Whether the kms speaks HTTP."""
    try:
        unixhttp.request(layout.rest(), "GET", "/api/v2/instance", seconds=LOOK_SECONDS)
    except unixhttp.Unreachable:
        return False
    return True
