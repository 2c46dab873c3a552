"""The instance as the workstation reaches it: service directory, crypto units and key management service.

Every request is sent once. An answer that does not come leaves open whether the request took effect, and the
error says so; to send it again is the operator's decision, never this program's.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from hsm_emulator.instance import Instance, UnitEntry
from hsm_emulator.tke.cryptounit import CryptoUnit
from hsm_emulator.tke.errors import Failed
from hsm_emulator.tke.unitstate import UnitStatus
from hsm_emulator.wire.unixhttp import Json, Reply, Unreachable, request

_REWRAP = "/api/v2/rotation/rewrap"
_NO_REWRAP = "Error sending rewrap request to the key management service."
_WAIT_SECONDS_MAX = 20.0


def refused(what: str, reply: Reply) -> Failed:
    """Return the error for a reply that is not 2xx."""
    try:
        phrase = HTTPStatus(reply.status).phrase
    except ValueError:
        phrase = "Unknown"
    return Failed(what, f"Status code: {reply.status}", f"Message: {phrase}", *reply.message.splitlines())


def log_in(instance: Instance, apikey: str, seconds: float) -> str:
    """Exchange an API key for an access token; raises Failed."""
    what = "Error requesting an access token."
    try:
        reply = request(
            Path(instance.kms_socket), "POST", "/identity/token", {"apikey": apikey}, seconds=seconds
        )
    except Unreachable as error:
        raise Failed(what, str(error)) from error
    token = reply.body.get("access_token")
    if not reply.ok or not isinstance(token, str):
        raise refused(what, reply)
    return token


@dataclass(frozen=True)
class _Job:
    """A rewrap of the key storage; ``to`` is the first half of the new verification pattern."""

    state: str
    to: str
    error: str

    def require_done(self, pattern: str) -> None:
        """Nothing may be promoted unless the key storage stands under that very key."""
        if self.state != "done":
            raise Failed(
                "KMS CRK rewrap failed.", self.error or f"The state of the rewrap is {self.state!r}."
            )
        if not self.to or not pattern.startswith(self.to):
            raise Failed(
                "KMS CRK rewrap failed.",
                f"Key storage was rewrapped for the master key {self.to}.",
                f"The new master key registers hold {pattern[:32]}.",
            )


class Cloud:
    """One service instance, with the access token of the operator."""

    def __init__(self, instance: Instance, token: str, call_seconds: float) -> None:
        self.instance = instance
        self._token = token
        self._seconds = call_seconds

    def authorize(self) -> None:
        """Query the service instance, as every command does first; an expired token raises Failed here."""
        self._ask_service("GET", "/api/v2/instance", "Error querying service instances.")

    def crypto_units(self, entries: Iterable[UnitEntry]) -> list[CryptoUnit]:
        """Query crypto units, in number order; raises Failed at the first that does not answer."""
        ordered = sorted(entries, key=lambda entry: entry.number)
        return [CryptoUnit(entry, self._token, self._seconds) for entry in ordered]

    def rewrap(self, pattern: str, seconds: float) -> None:
        """Have the key store rewrapped for the master key with this pattern; returns when that is done.

        The service answers when it has finished, or else when it has to be asked again. It goes on when this
        client disappears, and a request while it works joins the work.
        Raises Failed where it refuses, fails, breaks off or has not finished after ``seconds``.
        """
        deadline = time.monotonic() + seconds
        job = self._ask_rewrap("POST", seconds)
        while job.state == "running":
            left = deadline - time.monotonic()
            if left <= 0:
                raise Failed(
                    _NO_REWRAP, f"It has not finished after {seconds:g} seconds and may still be at work."
                )
            job = self._ask_rewrap("GET", left)
        job.require_done(pattern)

    def rows_by_master_key(self) -> dict[str, int]:
        """Return how many rows of the key storage stand under which master key, by half its pattern."""
        what = "Error querying the key management service."
        body = self._ask_service("GET", "/api/v2/rotation", what)
        try:
            return {str(pattern): int(count) for pattern, count in body["rows"].items()}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Failed(what, "The answer is malformed.") from error

    def _ask_rewrap(self, method: str, seconds: float) -> _Job:
        wait = min(_WAIT_SECONDS_MAX, seconds)
        body = self._ask_service(method, f"{_REWRAP}?wait={wait:g}", _NO_REWRAP, wait)
        try:
            job = body["job"]
            return _Job(job["state"], job["to"] or "", job["error"] or "")
        except (KeyError, TypeError) as error:
            raise Failed(_NO_REWRAP, "The answer is malformed.") from error

    def _ask_service(self, method: str, target: str, what: str, wait: float = 0.0) -> Json:
        """Send one request; ``wait``: seconds that the service may take before its deadline begins."""
        socket_path, seconds = Path(self.instance.kms_socket), wait + self._seconds
        try:
            reply = request(socket_path, method, target, token=self._token, seconds=seconds)
        except Unreachable as error:
            raise Failed(what, str(error)) from error
        if not reply.ok:
            raise refused(what, reply)
        return reply.body


def states(units: Iterable[CryptoUnit]) -> list[UnitStatus]:
    """What the units said last."""
    return [unit.state for unit in units]
