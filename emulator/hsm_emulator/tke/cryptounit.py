"""A crypto unit as its administrators reach it: signed commands, one after the other."""

import base64
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from hsm_emulator.instance import UnitEntry
from hsm_emulator.tke.errors import Failed
from hsm_emulator.tke.sigkey import UnlockedKey
from hsm_emulator.tke.signing import signatures_needed
from hsm_emulator.tke.unitstate import UnitStatus, parse
from hsm_emulator.unit.command import Command, signed_bytes
from hsm_emulator.wire.unixhttp import Json, Reply, Unreachable, request

_NOT_SENT = "Error sending HTPRequest to target service instance."


class CryptoUnit:
    """One unit; ``state`` is what it said last, in the answer to a query or to a command."""

    def __init__(self, entry: UnitEntry, token: str, seconds: float) -> None:
        self.entry = entry
        self._token = token
        self._seconds = seconds
        self.state: UnitStatus = self._query()

    def command(
        self, command: Command, parameters: Json | None = None, signers: Sequence[UnlockedKey] = ()
    ) -> Json:
        """Send a command with the transaction counter that follows the last one; return its result.

        ``signers`` are administrators of the unit, as many as the most demanding command of the sequence
        needs; of these as many sign as this command needs.

        Raises:
            Failed: the unit refused and nothing has changed there, or no answer came and that is open.
        """
        content = parameters or {}
        counter = self.state.counter + 1
        message = signed_bytes(command, counter, self.state.module, self.state.domain, content)
        signing = signers[: signatures_needed(command, self.state, content)]
        body = {
            "counter": counter,
            "parameters": content,
            "signatures": [
                {"ski": key.ski, "signature": base64.b64encode(key.sign(message)).decode()} for key in signing
            ],
        }
        reply = self._send("POST", f"/v1/unit/commands/{command}", _NOT_SENT, body)
        self.state = self._parse(reply.body.get("unit"), _NOT_SENT)
        result: Json = reply.body.get("result", {})
        return result

    def _query(self) -> UnitStatus:
        what = "Error querying crypto units."
        return self._parse(self._send("GET", "/v1/unit", what).body, what)

    def _parse(self, body: Any, what: str) -> UnitStatus:  # noqa: ANN401  unchecked JSON
        try:
            return parse(body)
        except (KeyError, TypeError, ValueError) as error:
            raise Failed(what, f"Crypto unit {self.entry.number}: the answer is malformed.") from error

    def _send(self, method: str, target: str, what: str, body: Json | None = None) -> Reply:
        socket_path = Path(self.entry.admin_socket)
        try:
            reply = request(socket_path, method, target, body, token=self._token, seconds=self._seconds)
        except Unreachable as error:
            lines = [what, f"Crypto unit {self.entry.number} gave no answer: {error}"]
            if body is not None:
                lines.append("The command may or may not have taken effect in this crypto unit.")
            raise Failed(*lines) from error
        if not reply.ok:
            raise self._refusal(what, reply)
        return reply

    def _refusal(self, what: str, reply: Reply) -> Failed:
        unit_line = f"Crypto unit: {self.entry.number}"
        error = reply.body.get("error", {})
        if reply.status == HTTPStatus.CONFLICT and "return_code" in error:
            return Failed(
                "Error reported by EP11 crypto module.",
                f"Return code: {error['return_code']}",
                f"Reason code: {error['reason_code']}",
                f"Error message: {reply.message}",
                unit_line,
            )
        return Failed(what, f"Status code: {reply.status}", reply.message, unit_line)
