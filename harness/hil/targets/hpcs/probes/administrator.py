"""Administrators of the bench's own, and a crypto unit that they administer past ``tke``.

The signed form is the units' wire contract, written down here a second time on purpose: a probe that signed
with the emulator's own code would follow it into any mistake. Source: ECDSA P-521 with SHA-512 over canonical
JSON of command, counter, domain, module and parameters.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hsm_emulator.wire.unixhttp import Reply, request

Body = dict[str, Any]
CALL_SECONDS = 10.0
REFUSED = 409


class AdministratorKey:
    """A signature key in memory."""

    def __init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP521R1())
        der = self._private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.public_key = base64.b64encode(der).decode()
        self._ski = hashlib.sha256(der).hexdigest()

    def sign(self, content: Body) -> dict[str, str]:
        """Return the member of ``signatures`` for a command with this content."""
        message = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
        signature = self._private.sign(message, ec.ECDSA(SHA512()))
        return {"ski": self._ski, "signature": base64.b64encode(signature).decode()}


@dataclass(frozen=True)
class AdminSocket:
    """The admin socket of a crypto unit, with a bearer token of the instance."""

    socket: Path
    token: str

    def state(self) -> Body:
        """What the unit says about itself."""
        return self.ask(self.token).body

    def ask(self, token: str | None) -> Reply:
        """Query the unit with some bearer token, or none."""
        return request(self.socket, "GET", "/v1/unit", token=token, seconds=CALL_SECONDS)

    def send(self, command: str, body: Body) -> Reply:
        """Send a body as it is."""
        return request(
            self.socket, "POST", f"/v1/unit/commands/{command}", body, token=self.token, seconds=CALL_SECONDS
        )

    def body(
        self,
        command: str,
        signers: Sequence[AdministratorKey] = (),
        parameters: Body | None = None,
        *,
        counter: int | None = None,
        signed: Mapping[str, object] | None = None,
    ) -> Body:
        """Return the body of a command, by default with the next counter.

        ``signed`` are members that are signed with another value than is sent.
        """
        state = self.state()
        content: Body = {
            "command": command,
            "counter": state["counter"] + 1 if counter is None else counter,
            "domain": state["domain"],
            "module": state["module"],
            "parameters": parameters or {},
        }
        return {
            "counter": content["counter"],
            "parameters": content["parameters"],
            "signatures": [signer.sign(content | dict(signed or {})) for signer in signers],
        }

    def refuses(self, what: str, command: str, body: Body, return_code: int) -> tuple[str, ...]:
        """Send a command that has to be refused with this return code, and change nothing."""
        before = self.state()
        reply = self.send(command, body)
        given = reply.body.get("error", {}).get("return_code")
        problems = []
        if reply.status != REFUSED or given != return_code:
            answer = f"status {reply.status}" + (f", return code {given}" if given else "")
            problems.append(f"{what}: {answer} in place of return code {return_code}")
        if self.state() != before:
            problems.append(f"{what}: the crypto unit has changed")
        return tuple(problems)

    def takes(self, command: str, body: Body) -> Body:
        """Send a command that has to succeed, and return the body; raises Unready."""
        reply = self.send(command, body)
        if not reply.ok:
            raise Unready(f"'{command}' ended with status {reply.status}: {reply.message}")
        return body


class Unready(Exception):
    """A probe could not be tried, because what leads up to it did not succeed."""
