"""REST calls of the bench itself to a kms, and unsigned looks at crypto units."""

import base64
import time
from collections.abc import Sequence
from typing import Any, Self

from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.model.registers import Register, UnitRegisters
from hil.targets.hpcs.rig.layout import Layout
from hsm_emulator.wire import unixhttp

CALL_SECONDS = 10.0


class RequestRefused(Exception):
    """The kms or a unit answered a request of the bench with an error."""


class Rest:
    """The instance as a client with a token sees it, past the relays: the bench's own calls are no events.

    The token is renewed before it expires: to fill a large key store takes longer than it holds.
    """

    def __init__(self, layout: Layout, seconds: float) -> None:
        self._layout = layout
        self._seconds = seconds
        self._token, self._renew_at = "", 0.0

    @classmethod
    def login(cls, layout: Layout, seconds: float = CALL_SECONDS) -> Self:
        """Exchange the API key of the instance for a token; ``seconds``: deadline of each later call."""
        rest = cls(layout, seconds)
        rest._log_in()
        return rest

    def _log_in(self) -> None:
        apikey = (self._layout.kms_config.parent / "apikey").read_text().strip()
        asked = time.monotonic()
        reply = unixhttp.request(self._layout.rest(), "POST", "/identity/token", {"apikey": apikey})
        if not reply.ok:
            raise RequestRefused(f"login: {reply.status} {reply.message}")
        self._token = reply.body["access_token"]
        self._renew_at = asked + reply.body["expires_in"] / 2

    @property
    def token(self) -> str:
        """A bearer token that holds for half its lifetime at least."""
        if time.monotonic() >= self._renew_at:
            self._log_in()
        return self._token

    def call(self, method: str, target: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send one request to the kms; raises RequestRefused or Unreachable."""
        reply = unixhttp.request(
            self._layout.rest(), method, target, body, token=self.token, seconds=self._seconds
        )
        if not reply.ok:
            raise RequestRefused(f"{method} {target}: {reply.status} {reply.message}")
        return reply.body

    def create(self, name: str, kind: str, payload: bytes | None = None) -> str:
        """Make a key and return its id."""
        body = {"name": name, "type": kind}
        if payload is not None:
            body["payload"] = base64.b64encode(payload).decode()
        return str(self.call("POST", "/api/v2/keys", body)["id"])

    def act(self, key_id: str, action: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run an action on a key."""
        return self.call("POST", f"/api/v2/keys/{key_id}/actions/{action}", body or {})

    def unit(self, number: int) -> dict[str, Any]:
        """Return the whole public state of a crypto unit."""
        reply = unixhttp.request(
            self._layout.admin(number), "GET", "/v1/unit", token=self.token, seconds=self._seconds
        )
        if not reply.ok:
            raise RequestRefused(f"unit:{number}: {reply.status} {reply.message}")
        return reply.body

    def registers(self, shape: sut.Shape) -> Sequence[UnitRegisters]:
        """Registers of all units, read one by one."""
        return tuple(registers_in(state) for state in self.states(shape).values())

    def states(self, shape: sut.Shape) -> dict[int, dict[str, Any]]:
        """Whole public state of every unit by its number, read one by one."""
        return {number: self.unit(number) for number in shape.numbers}

    def registers_of(self, number: int) -> UnitRegisters:
        """Registers of one unit."""
        return registers_in(self.unit(number))


def registers_in(state: dict[str, Any]) -> UnitRegisters:
    """Return the registers that the public state of a unit shows."""
    both = {
        name: Register(register["state"], register["pattern"])
        for name, register in state["registers"].items()
    }
    return UnitRegisters(state["number"], state["type"], both["current"], both["new"])
