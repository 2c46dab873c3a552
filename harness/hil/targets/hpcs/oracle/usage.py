"""Which keys still serve: each is used through the kms, as a workload of its owner would use it.

A key that can be read need not be of any use: its master key is there, and the service may refuse it.
"""

import base64
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from hil.targets.hpcs.model.ledger import Known, Ledger
from hil.targets.hpcs.rig.rest import RequestRefused, Rest
from hsm_emulator.wire.unixhttp import Unreachable


def usable(rest: Rest, ledger: Ledger) -> int:
    """Return how many keys give back in every version what the ledger knows.

    A suspended or destroyed key is enabled or restored for that, and put back. While a rotation is open the
    service keeps every workload out, so that one refusal is enough then.
    """
    keys: dict[str, list[Known]] = defaultdict(list)
    for row in ledger.rows:
        keys[row.key_id].append(row)
    count = 0
    with suppress(Unreachable):
        shut = bool(rest.call("GET", "/api/v2/rotation")["in_progress"])
        for versions in keys.values():
            serves = _serves(rest, versions)
            if shut and not serves:
                break
            count += serves
    return count


def _serves(rest: Rest, versions: Sequence[Known]) -> bool:
    with suppress(RequestRefused), _ready(rest, versions[0]):
        return all(_used(rest, row) == row.secret for row in versions)
    return False


@contextmanager
def _ready(rest: Rest, key: Known) -> Iterator[None]:
    """Have a key in a state in which it may be used, for as long as the block takes."""
    target = f"/api/v2/keys/{key.key_id}"
    if key.state == "suspended":
        rest.act(key.key_id, "enable")
    elif key.state == "destroyed":
        rest.call("POST", f"{target}/restore")
    try:
        yield
    finally:
        if key.state == "suspended":
            rest.act(key.key_id, "disable")
        elif key.state == "destroyed":
            rest.call("DELETE", target)


def _used(rest: Rest, row: Known) -> bytes:
    if row.ciphertext is None:
        given = rest.call("GET", f"/api/v2/keys/{row.key_id}")["payload"]
    else:
        sealed = base64.b64encode(row.ciphertext).decode()
        given = rest.act(row.key_id, "unwrap", {"ciphertext": sealed})["plaintext"]
    return base64.b64decode(given)
