"""A service whose rewrap is interrupted, and the proof that the next request finishes it."""

import threading

from tests.hsm_emulator.kms.relay import Relay
from tests.hsm_emulator.kms.service import Kms
from tests.hsm_emulator.kms.units import Units

KEYS = 7
BATCH = 3


class Site:
    """A service with keys behind a relay, and what each key has locked."""

    def __init__(self, kms: Kms, units: Units, relay: Relay) -> None:
        self.kms, self.units, self.relay = kms, units, relay
        self.locked = {key: kms.lock(key) for key in (kms.root_key() for _ in range(KEYS))}

    def finish(self, new: str) -> None:
        """Request the rewrap again, promote, and find every key readable."""
        assert self.kms.rewrap() == {
            "state": "done", "from": self.units.current, "to": new,
            "rewrapped": KEYS, "total": KEYS, "error": None,
        }  # fmt: skip
        self.units.promote()
        for key, (ciphertext, plaintext) in self.locked.items():
            assert self.kms.unlock(key, ciphertext) == plaintext
        assert self.kms.master_keys() == {new}

    def killed(self) -> int:
        """Wait for the end of the service and return how it ended."""
        assert self.kms.process is not None
        return self.kms.process.wait(20)

    def held(self, ordinal: int) -> threading.Event:
        """Hold the next job at its ``ordinal``-th wrap, until the event is set."""
        released = threading.Event()
        self.relay.arm("C_WrapKey", ordinal, lambda: expect(released))
        return released

    def finish_other(self, kms: Kms, new: str) -> None:
        """Find that a rewrap of another service is to its end, and rotate forward."""
        assert kms.master_keys() == {new}
        assert self.kms.rewrap()["state"] == "done"
        self.units.promote()


def expect(event: threading.Event) -> None:
    """Wait for an event, which has to come."""
    assert event.wait(20)
