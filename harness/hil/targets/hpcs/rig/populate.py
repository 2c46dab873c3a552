"""Fill a key store with keys of every kind and state, and write down what each must give back."""

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass

from hil.targets.hpcs.model.ledger import Known
from hil.targets.hpcs.rig.rest import Rest


@dataclass(frozen=True)
class Sort:
    """One sort of key: ``end`` is the state that it is brought into."""

    kind: str
    versions: int
    end: str


SORTS: Sequence[Sort] = (
    Sort("root_key", 1, "active"),
    Sort("root_key", 3, "active"),
    Sort("standard_key", 1, "active"),
    Sort("root_key", 1, "suspended"),
    Sort("root_key", 2, "deactivated"),
    Sort("root_key", 2, "destroyed"),
    Sort("standard_key", 1, "destroyed"),
    Sort("root_key", 1, "active"),
)
_ACTIONS = {"suspended": "disable", "deactivated": "deactivate"}


def populate(rest: Rest, keys: int) -> tuple[Known, ...]:
    """Make ``keys`` keys, the sorts in turn, and return what is known of their rows."""
    rows: list[Known] = []
    for index in range(keys):
        sort = SORTS[index % len(SORTS)]
        rows += _make(rest, f"key-{index + 1}", sort)
    return tuple(rows)


def _make(rest: Rest, name: str, sort: Sort) -> list[Known]:
    if sort.kind == "standard_key":
        secret = os.urandom(32)
        key_id = rest.create(name, sort.kind, secret)
        rows = [Known(key_id, 1, sort.end, secret, None)]
    else:
        key_id = rest.create(name, sort.kind)
        rows = [_version(rest, key_id, 1, sort.end)]
        for version in range(2, sort.versions + 1):
            rest.act(key_id, "rotate")
            rows.append(_version(rest, key_id, version, sort.end))
    if sort.end == "destroyed":
        rest.call("DELETE", f"/api/v2/keys/{key_id}")
    elif sort.end in _ACTIONS:
        rest.act(key_id, _ACTIONS[sort.end])
    return rows


def _version(rest: Rest, key_id: str, version: int, state: str) -> Known:
    secret = os.urandom(32)
    reply = rest.act(key_id, "wrap", {"plaintext": base64.b64encode(secret).decode()})
    return Known(key_id, version, state, secret, base64.b64decode(reply["ciphertext"]))
