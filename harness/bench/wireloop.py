"""The rewrap of the kms without its key store, as a program with the interface of rawloop.c.

    python -m harness.bench.wireloop SOCKET LABEL OLD NEW < PIN and blobs

The calls are those of the kms, in batches of the same size; OLD and NEW are CKA_ID in hex.
"""

import sys
import time
from pathlib import Path

from emulator.wire.call import Call
from emulator.wire.client import Module, Session
from emulator.wire.codec import EACH
from emulator.wire.constants import Attribute, KeyType, Mechanism, ObjectClass
from emulator.wire.values import Template, pack_template

BLOB_BYTES = 40
BATCH = 256
SECONDS = 60.0
_CARRIED = pack_template({
    Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.KEY_TYPE: KeyType.AES, Attribute.TOKEN: False,
    Attribute.PRIVATE: True, Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: True,
})  # fmt: skip


def rewrap(session: Session, old: int, new: int, blobs: list[bytes]) -> list[bytes]:
    """Return the blobs of one batch under ``new``."""
    unwrap = Call.unwrap(Mechanism.AES_KEY_WRAP, old, EACH, _CARRIED)
    keys = session.each(unwrap, blobs)
    wrapped: list[bytes] = session.each(Call.wrap(Mechanism.AES_KEY_WRAP, new, EACH, BLOB_BYTES), keys)
    session.each(Call.destroy(EACH), keys)
    return wrapped


def main(socket: str, label: str, *ids: str) -> None:
    """Rewrap what comes on stdin."""
    pin, _, data = sys.stdin.buffer.read().partition(b"\n")
    blobs = [data[at : at + BLOB_BYTES] for at in range(0, len(data), BLOB_BYTES)]
    with Module(Path(socket), seconds=SECONDS) as module:
        session = module.open_session(label, pin.decode())
        old, new = (_key(session, bytes.fromhex(key_id)) for key_id in ids)
        done: list[bytes] = []
        clock, busy = time.perf_counter(), time.process_time()
        for at in range(0, len(blobs), BATCH):
            done += rewrap(session, old, new, blobs[at : at + BATCH])
        print(f"{time.perf_counter() - clock:.6f} {time.process_time() - busy:.6f}", file=sys.stderr)
    sys.stdout.buffer.write(b"".join(done))


def _key(session: Session, key_id: bytes) -> int:
    wanted: Template = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.ID: key_id}
    (handle,) = session.find(wanted)
    return handle


if __name__ == "__main__":
    main(*sys.argv[1:])
