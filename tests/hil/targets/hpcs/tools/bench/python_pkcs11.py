"""The yardstick that others would take: python-pkcs11 on the token, in this process; interface of rawloop.c.

    python python_pkcs11.py LIBRARY LABEL OLD NEW < PIN and blobs

For ``hil bench --peer``, see harness/hil/targets/hpcs/tools/bench/loops.py.
"""

import sys
import time
from typing import Any

import pkcs11

BLOB_BYTES = 40
TEMPLATE = {
    pkcs11.Attribute.PRIVATE: True,
    pkcs11.Attribute.SENSITIVE: True,
    pkcs11.Attribute.EXTRACTABLE: True,
}


def rewrap(old: Any, new: Any, blob: bytes) -> bytes:  # noqa: ANN401  (what a key can do is mixed in)
    """Return one blob under the other master key."""
    key = old.unwrap_key(
        pkcs11.ObjectClass.SECRET_KEY,
        pkcs11.KeyType.AES,
        blob,
        mechanism=pkcs11.Mechanism.AES_KEY_WRAP,
        store=False,
        template=TEMPLATE,
    )
    wrapped = bytes(new.wrap_key(key, mechanism=pkcs11.Mechanism.AES_KEY_WRAP))
    key.destroy()
    return wrapped


def main(library: str, label: str, *ids: str) -> None:
    """Rewrap what comes on stdin."""
    pin, _, data = sys.stdin.buffer.read().partition(b"\n")
    blobs = [data[at : at + BLOB_BYTES] for at in range(0, len(data), BLOB_BYTES)]
    session = pkcs11.lib(library).get_token(token_label=label).open(user_pin=pin.decode())
    old, new = (
        session.get_key(object_class=pkcs11.ObjectClass.SECRET_KEY, id=bytes.fromhex(key_id))
        for key_id in ids
    )
    clock, busy = time.perf_counter(), time.process_time()
    done = [rewrap(old, new, blob) for blob in blobs]
    print(f"{time.perf_counter() - clock:.6f} {time.process_time() - busy:.6f}", file=sys.stderr)
    sys.stdout.buffer.write(b"".join(done))


if __name__ == "__main__":
    main(*sys.argv[1:])
