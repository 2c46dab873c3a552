"""REST calls of the bench itself to a kms, and unsigned looks at crypto units."""

import base64
from collections.abc import Sequence
from typing import Any

from emulator.wire import unixhttp
from harness import sut
from harness.model.registers import Register, UnitRegisters
from harness.rig.layout import Layout


class Refused(Exception):
    """The kms or a unit answered a request of the bench with an error."""


class Rest:
    """The instance as a client with a token sees it, past the relays: the bench's own calls are no events."""

    def __init__(self, layout: Layout, token: str, seconds: float = 10.0) -> None:
        self._layout = layout
        self._token = token
        self._seconds = seconds

    @classmethod
    def login(cls, layout: Layout) -> "Rest":
        """Exchange the API key of the instance for a token."""
        apikey = (layout.kms_config.parent / "apikey").read_text().strip()
        reply = unixhttp.request(layout.rest(), "POST", "/identity/token", {"apikey": apikey})
        if not reply.ok:
            raise Refused(f"login: {reply.status} {reply.message}")
        return cls(layout, reply.body["access_token"])

    @property
    def token(self) -> str:
        """The bearer token."""
        return self._token

    def call(self, method: str, target: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send one request to the kms; raises Refused or Unreachable."""
        reply = unixhttp.request(
            self._layout.rest(), method, target, body, token=self._token, seconds=self._seconds
        )
        if not reply.ok:
            raise Refused(f"{method} {target}: {reply.status} {reply.message}")
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
            self._layout.admin(number), "GET", "/v1/unit", token=self._token, seconds=self._seconds
        )
        if not reply.ok:
            raise Refused(f"unit:{number}: {reply.status} {reply.message}")
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
