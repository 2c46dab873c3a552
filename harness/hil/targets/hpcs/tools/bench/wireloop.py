"""The rewrap of the kms without its key store, as a program with the interface of rawloop.c.

    python -m hil.targets.hpcs.tools.bench.wireloop SOCKET LABEL OLD NEW < PIN and blobs

The calls are made by the code that the kms uses, in batches of the same size; OLD and NEW are CKA_ID in hex.
"""

import sys
import time
from pathlib import Path

from hsm_emulator.wire.client import Session, UnitModule
from hsm_emulator.wire.constants import Attribute, ObjectClass
from hsm_emulator.wire.errors import P11Error
from hsm_emulator.wire.rewrap import rewrap

BLOB_BYTES = 40
BATCH = 256
SECONDS = 60.0


def main(socket: str, label: str, *ids: str) -> None:
    """Rewrap what comes on stdin."""
    pin, _, data = sys.stdin.buffer.read().partition(b"\n")
    blobs = [data[at : at + BLOB_BYTES] for at in range(0, len(data), BLOB_BYTES)]
    with UnitModule(Path(socket), seconds=SECONDS) as module:
        session = module.open_session(label, pin.decode())
        old, new = (_key(session, bytes.fromhex(key_id)) for key_id in ids)
        done: list[bytes] = []
        clock, busy = time.perf_counter(), time.process_time()
        for at in range(0, len(blobs), BATCH):
            done += map(_blob, rewrap(session, old, new, blobs[at : at + BATCH]))
        print(f"{time.perf_counter() - clock:.6f} {time.process_time() - busy:.6f}", file=sys.stderr)
    sys.stdout.buffer.write(b"".join(done))


def _blob(result: bytes | P11Error) -> bytes:
    if isinstance(result, P11Error):
        raise result
    return result


def _key(session: Session, key_id: bytes) -> int:
    (handle,) = session.find({Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.ID: key_id})
    return handle


if __name__ == "__main__":
    main(*sys.argv[1:])
