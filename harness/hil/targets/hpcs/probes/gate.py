"""The probe of the gate: what users may do while a rotation is open, and what nobody may with a bad token."""

import base64
from collections.abc import Iterator, Sequence
from typing import Any

import jwt

from hil.model.probe import Probe
from hil.targets.hpcs.model.ledger import Ledger
from hil.targets.hpcs.probes.administrator import AdminSocket
from hil.targets.hpcs.probes.desk import ProbedRig
from hil.targets.hpcs.probes.facts import PublicState
from hil.targets.hpcs.rig import accesstoken
from hil.targets.hpcs.rig.layout import Layout
from hsm_emulator.wire import unixhttp

Call = tuple[str, str, dict[str, Any]]
IN_PROGRESS = (409, "ROTATION_IN_PROGRESS")
NOT_NOW = (409, "REGISTERS")
UNAUTHORIZED = 401


def during_a_rotation(layout: Layout, token: str, ledger: Ledger) -> Probe:
    """Workloads are refused from the rewrap request on; looking is not."""
    refused, allowed = _calls(ledger)
    problems = []
    for method, target, body in refused:
        reply = unixhttp.request(layout.rest(), method, target, body, token=token)
        if (reply.status, reply.body.get("error", {}).get("code")) != IN_PROGRESS:
            problems.append(f"{method} {_short(target)} gave status {reply.status}")
    for method, target, body in allowed:
        reply = unixhttp.request(layout.rest(), method, target, body, token=token)
        if not reply.ok:
            problems.append(f"{method} {_short(target)} was refused: {reply.message}")
    return Probe("gate", "workloads are refused during a rotation, looking is not", tuple(problems))


def _calls(ledger: Ledger) -> tuple[Sequence[Call], Sequence[Call]]:
    """Requests that are refused and requests that are not."""
    root = next(row for row in ledger.rows if row.ciphertext and row.state == "active")
    if root.ciphertext is None:
        raise AssertionError
    key = f"/api/v2/keys/{root.key_id}"
    sealed = {"ciphertext": base64.b64encode(root.ciphertext).decode()}
    refused: Sequence[Call] = (
        ("POST", "/api/v2/keys", {"name": "probe", "type": "root_key"}),
        ("POST", f"{key}/actions/wrap", {}),
        ("POST", f"{key}/actions/unwrap", sealed),
        ("POST", f"{key}/actions/rewrap", sealed),
        ("POST", f"{key}/actions/rotate", {}),
        ("POST", f"/api/v2/keys/{ledger.destroyed}/restore", {}),
    )
    allowed: Sequence[Call] = (("GET", "/api/v2/keys", {}), ("GET", f"{key}/metadata", {}))
    return refused, allowed


def rewrap_at_rest(desk: ProbedRig) -> Probe:
    """The rewrap is refused, and no row touched, where NEW is empty."""
    before = PublicState.of(desk.rig, desk.rest)
    reply = unixhttp.request(
        desk.rig.layout.rest(), "POST", "/api/v2/rotation/rewrap?wait=5", {}, token=desk.rest.token
    )
    problems = list(before.differences(PublicState.of(desk.rig, desk.rest)))
    if (reply.status, reply.body.get("error", {}).get("code")) != NOT_NOW:
        problems.append(f"the rewrap request gave status {reply.status}")
    return Probe("rewrap at rest", "a rewrap without a committed NEW is refused", tuple(problems))


def bearer(layout: Layout, unit: AdminSocket, token: str) -> Probe:
    """Nobody gets in without a token, with one that has expired, or with one that somebody else has made.

    The bad ones are made of ``token``, with which one does get in.
    """
    problems = []
    for what, bad in _bad_tokens(token, layout.secret.read_text().strip()):
        if unit.ask(bad).status != UNAUTHORIZED:
            problems.append(f"a crypto unit takes {what}")
        reply = unixhttp.request(layout.rest(), "GET", "/api/v2/instance", token=bad)
        if reply.status != UNAUTHORIZED:
            problems.append(f"the kms takes {what}")
    return Probe("bearer", "no token, an expired and a forged one are refused", tuple(problems))


def _bad_tokens(token: str, secret: str) -> Iterator[tuple[str, str | None]]:
    yield "no token", None
    yield "an expired token", accesstoken.expired(token, secret)
    claims = jwt.decode(token, options={"verify_signature": False})
    yield "a forged token", jwt.encode(claims, secret[::-1] + secret, algorithm=accesstoken.ALGORITHM)


def _short(target: str) -> str:
    """A target without ids."""
    return "/".join("ID" if len(part) == 36 else part for part in target.split("/"))
